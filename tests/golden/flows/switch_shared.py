"""A step that two of three cases share: it stands in both of their branches."""

from metaflow import FlowSpec, step


class SwitchSharedFlow(FlowSpec):
    @step
    def start(self):
        self.kind = "new"
        self.next({"new": self.prepare, "old": self.check, "none": self.skip}, condition="kind")

    @step
    def prepare(self):
        self.next(self.use)

    @step
    def check(self):
        self.next(self.use)

    @step
    def use(self):
        self.parts = [1, 2]
        self.next(self.part, foreach="parts")

    @step
    def part(self):
        self.next(self.whole)

    @step
    def whole(self, inputs):
        self.next(self.report)

    @step
    def skip(self):
        self.next(self.report)

    @step
    def report(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchSharedFlow()
