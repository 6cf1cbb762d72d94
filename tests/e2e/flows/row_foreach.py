"""A foreach at the end of seven checks, in each item of a foreach."""

from metaflow import FlowSpec, step


class RowForeach(FlowSpec):
    @step
    def start(self):
        self.items = [10, 20]
        self.next(self.check0, foreach="items")

    @step
    def check0(self):
        self.base = self.input
        self.ok = "yes"
        self.next({"yes": self.check1, "no": self.out}, condition="ok")

    @step
    def check1(self):
        self.ok = "yes"
        self.next({"yes": self.check2, "no": self.out}, condition="ok")

    @step
    def check2(self):
        self.ok = "yes"
        self.next({"yes": self.check3, "no": self.out}, condition="ok")

    @step
    def check3(self):
        self.ok = "yes"
        self.next({"yes": self.check4, "no": self.out}, condition="ok")

    @step
    def check4(self):
        self.ok = "yes"
        self.next({"yes": self.check5, "no": self.out}, condition="ok")

    @step
    def check5(self):
        self.ok = "yes"
        self.next({"yes": self.check6, "no": self.out}, condition="ok")

    @step
    def check6(self):
        self.ok = "yes"
        self.next({"yes": self.fan, "no": self.out}, condition="ok")

    @step
    def fan(self):
        self.parts = [1, 2, 3]
        self.next(self.work, foreach="parts")

    @step
    def work(self):
        self.got = self.base + self.input
        self.next(self.both)

    @step
    def both(self, inputs):
        self.gots = [i.got for i in inputs]
        self.next(self.out)

    @step
    def out(self):
        self.seen = getattr(self, "gots", None)
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.table = [i.seen for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        print(self.table)


if __name__ == "__main__":
    RowForeach()
