"""A foreach over as many items as asked for, each a small task, and a join that sees all of them."""

from metaflow import FlowSpec, Parameter, step


class WideForeach(FlowSpec):
    items = Parameter("items", type=int, default=3)

    @step
    def start(self):
        self.numbers = range(self.items)
        self.next(self.square, foreach="numbers")

    @step
    def square(self):
        self.result = self.input**2
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.results = [task.result for task in inputs]
        self.indices = [task.index for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    WideForeach()
