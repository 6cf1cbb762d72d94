"""A step that returns to itself in a branch of a static split."""

from metaflow import FlowSpec, step


class RecursionInSplitFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.look, self.other)

    @step
    def look(self):
        self.state = "done"
        self.next({"again": self.look, "done": self.rest, "lost": self.rescue}, condition="state")

    @step
    def rest(self):
        self.next(self.both)

    @step
    def rescue(self):
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
    RecursionInSplitFlow()
