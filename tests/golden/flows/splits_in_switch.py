"""A static split in one case of a switch and a foreach in the other."""

from metaflow import FlowSpec, step


class SplitsInSwitchFlow(FlowSpec):
    @step
    def start(self):
        self.kind = "both"
        self.next({"both": self.fork, "each": self.spread}, condition="kind")

    @step
    def fork(self):
        self.next(self.one, self.two)

    @step
    def one(self):
        self.next(self.joined)

    @step
    def two(self):
        self.next(self.joined)

    @step
    def joined(self, inputs):
        self.next(self.end)

    @step
    def spread(self):
        self.items = [1, 2]
        self.next(self.item, foreach="items")

    @step
    def item(self):
        self.next(self.gathered)

    @step
    def gathered(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SplitsInSwitchFlow()
