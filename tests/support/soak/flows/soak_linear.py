"""One step after the other."""

from metaflow import FlowSpec, Parameter, step
from noted import note


class SoakLinear(FlowSpec):
    number = Parameter("number", type=int)

    @step
    def start(self):
        note(self)
        self.total = self.number
        self.next(self.middle)

    @step
    def middle(self):
        note(self)
        self.total += 1
        self.next(self.end)

    @step
    def end(self):
        note(self)
        self.total += 1


if __name__ == "__main__":
    SoakLinear()
