"""Branches that lead to one of two joins, on ways of which one comes through a recursion."""

from metaflow import FlowSpec, Parameter, step


class RowBeforeJoins(FlowSpec):
    slow = Parameter("slow", default=False)

    @step
    def start(self):
        self.n = 0
        self.next(self.one, self.other)

    @step
    def one(self):
        self.way = "slow" if self.slow else "fast"
        self.next({"fast": self.one_fast, "slow": self.poll}, condition="way")

    @step
    def one_fast(self):
        self.next(self.fast)

    @step
    def poll(self):
        self.n += 1
        self.state = "ready" if self.n >= 3 else "again"
        self.next({"again": self.poll, "ready": self.one_slow}, condition="state")

    @step
    def one_slow(self):
        self.next(self.slowly)

    @step
    def other(self):
        self.way = "slow" if self.slow else "fast"
        self.next({"fast": self.other_fast, "slow": self.other_slow}, condition="way")

    @step
    def other_fast(self):
        self.next(self.fast)

    @step
    def other_slow(self):
        self.next(self.slowly)

    @step
    def fast(self, inputs):
        self.found = ["fast", *sorted(branch.n for branch in inputs)]
        self.next(self.end)

    @step
    def slowly(self, inputs):
        self.found = ["slowly", *sorted(branch.n for branch in inputs)]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    RowBeforeJoins()
