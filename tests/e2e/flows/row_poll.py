"""Nine checks that may end the run, so many that they stand in one row; one polls, after a linear step."""

from metaflow import FlowSpec, step


class RowPoll(FlowSpec):
    @step
    def start(self):
        self.trail = []
        self.n = 0
        self.next(self.check0)

    @step
    def check0(self):
        self.trail = self.trail + ["check0"]
        self.ok = "yes"
        self.next({"yes": self.check1, "no": self.end}, condition="ok")

    @step
    def check1(self):
        self.trail = self.trail + ["check1"]
        self.ok = "yes"
        self.next({"yes": self.check2, "no": self.end}, condition="ok")

    @step
    def check2(self):
        self.trail = self.trail + ["check2"]
        self.ok = "yes"
        self.next({"yes": self.check3, "no": self.end}, condition="ok")

    @step
    def check3(self):
        self.trail = self.trail + ["check3"]
        self.ok = "yes"
        self.next({"yes": self.prep, "no": self.end}, condition="ok")

    @step
    def prep(self):
        self.trail = self.trail + ["prep"]
        self.next(self.poll)

    @step
    def poll(self):
        self.n += 1
        self.trail = self.trail + [f"poll{self.n}"]
        self.state = "ready" if self.n >= 3 else "again"
        self.next({"again": self.poll, "ready": self.check4}, condition="state")

    @step
    def check4(self):
        self.trail = self.trail + ["check4"]
        self.ok = "yes"
        self.next({"yes": self.check5, "no": self.end}, condition="ok")

    @step
    def check5(self):
        self.trail = self.trail + ["check5"]
        self.ok = "yes"
        self.next({"yes": self.check6, "no": self.end}, condition="ok")

    @step
    def check6(self):
        self.trail = self.trail + ["check6"]
        self.ok = "yes"
        self.next({"yes": self.check7, "no": self.end}, condition="ok")

    @step
    def check7(self):
        self.trail = self.trail + ["check7"]
        self.ok = "yes"
        self.next({"yes": self.finish, "no": self.end}, condition="ok")

    @step
    def finish(self):
        self.trail = self.trail + ["finish"]
        self.next(self.end)

    @step
    def end(self):
        print(self.trail)


if __name__ == "__main__":
    RowPoll()
