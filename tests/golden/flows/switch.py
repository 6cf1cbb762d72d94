"""A switch whose cases meet again."""

from metaflow import FlowSpec, step


class SwitchFlow(FlowSpec):
    @step
    def start(self):
        self.kind = "cat"
        self.next({"cat": self.cat, "dog": self.dog, "bird": self.bird}, condition="kind")

    @step
    def cat(self):
        self.next(self.feed)

    @step
    def dog(self):
        self.next(self.walk)

    @step
    def walk(self):
        self.next(self.feed)

    @step
    def bird(self):
        self.next(self.feed)

    @step
    def feed(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchFlow()
