"""A static split with two joins: the switches in its branches decide which."""

from metaflow import FlowSpec, step


class TwoJoinsFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.way = "fast"
        self.next({"fast": self.left_fast, "slow": self.left_slow}, condition="way")

    @step
    def left_fast(self):
        self.next(self.fast)

    @step
    def left_slow(self):
        self.next(self.slow)

    @step
    def right(self):
        self.way = "fast"
        self.next({"fast": self.right_fast, "slow": self.right_slow}, condition="way")

    @step
    def right_fast(self):
        self.next(self.fast)

    @step
    def right_slow(self):
        self.next(self.slow)

    @step
    def fast(self, inputs):
        self.next(self.end)

    @step
    def slow(self, inputs):
        self.next(self.check)

    @step
    def check(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TwoJoinsFlow()
