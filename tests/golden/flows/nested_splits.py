"""A static split inside a branch of another one."""

from metaflow import FlowSpec, step


class NestedSplitsFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.upper, self.lower)

    @step
    def upper(self):
        self.next(self.inner)

    @step
    def lower(self):
        self.next(self.inner)

    @step
    def inner(self, inputs):
        self.next(self.after)

    @step
    def after(self):
        self.next(self.outer)

    @step
    def right(self):
        self.next(self.outer)

    @step
    def outer(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NestedSplitsFlow()
