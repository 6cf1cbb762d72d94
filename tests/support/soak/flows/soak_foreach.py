"""One to four tasks side by side, and their join."""

from metaflow import FlowSpec, Parameter, step
from noted import note


class SoakForeach(FlowSpec):
    number = Parameter("number", type=int)

    @step
    def start(self):
        note(self)
        self.items = list(range(1 + self.number % 4))
        self.next(self.body, foreach="items")

    @step
    def body(self):
        note(self)
        self.value = self.input + self.number
        self.next(self.join)

    @step
    def join(self, inputs):
        note(self)
        self.total = sum(task.value for task in inputs)
        self.next(self.end)

    @step
    def end(self):
        note(self)


if __name__ == "__main__":
    SoakForeach()
