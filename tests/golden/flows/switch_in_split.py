"""A switch in a branch of a static split: its cases end in the split's join."""

from metaflow import FlowSpec, step


class SwitchInSplitFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.look, self.other)

    @step
    def look(self):
        self.kind = "odd"
        self.next({"odd": self.odd, "even": self.even}, condition="kind")

    @step
    def odd(self):
        self.next(self.both)

    @step
    def even(self):
        self.next(self.both)

    @step
    def other(self):
        self.next(self.both)

    @step
    def both(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchInSplitFlow()
