"""A switch in the body of a foreach: its cases end in the join."""

from metaflow import FlowSpec, step


class SwitchInForeachFlow(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.look, foreach="items")

    @step
    def look(self):
        self.kind = "odd"
        self.next({"odd": self.odd, "even": self.even}, condition="kind")

    @step
    def odd(self):
        self.next(self.gather)

    @step
    def even(self):
        self.next(self.halve)

    @step
    def halve(self):
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchInForeachFlow()
