"""Two branches and their join."""

from metaflow import FlowSpec, Parameter, step
from noted import note


class SoakSplit(FlowSpec):
    number = Parameter("number", type=int)

    @step
    def start(self):
        note(self)
        self.next(self.plus, self.times)

    @step
    def plus(self):
        note(self)
        self.part = self.number + 7
        self.next(self.join)

    @step
    def times(self):
        note(self)
        self.part = self.number * 7
        self.next(self.join)

    @step
    def join(self, inputs):
        note(self)
        self.total = inputs.plus.part + inputs.times.part
        self.next(self.end)

    @step
    def end(self):
        note(self)


if __name__ == "__main__":
    SoakSplit()
