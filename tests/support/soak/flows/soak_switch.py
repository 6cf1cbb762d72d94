"""One of two ways, by the number."""

from metaflow import FlowSpec, Parameter, step
from noted import note


class SoakSwitch(FlowSpec):
    number = Parameter("number", type=int)

    @step
    def start(self):
        note(self)
        self.side = "left" if self.number % 2 else "right"
        self.next({"left": self.left, "right": self.right}, condition="side")

    @step
    def left(self):
        note(self)
        self.total = -self.number
        self.next(self.end)

    @step
    def right(self):
        note(self)
        self.total = self.number
        self.next(self.end)

    @step
    def end(self):
        note(self)


if __name__ == "__main__":
    SoakSwitch()
