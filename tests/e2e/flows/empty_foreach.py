"""A foreach over nothing."""

from metaflow import FlowSpec, step


class EmptyForeach(FlowSpec):
    @step
    def start(self):
        self.items = []
        self.next(self.each, foreach="items")

    @step
    def each(self):
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    EmptyForeach()
