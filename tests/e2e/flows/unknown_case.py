"""A switch whose value names no case."""

from metaflow import FlowSpec, step


class UnknownCase(FlowSpec):
    @step
    def start(self):
        self.kind = "neither"
        self.next({"one": self.one, "two": self.two}, condition="kind")

    @step
    def one(self):
        self.next(self.end)

    @step
    def two(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    UnknownCase()
