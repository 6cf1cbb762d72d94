"""Cases that go straight to where the others meet, and to the end."""

from metaflow import FlowSpec, step


class SwitchStraightFlow(FlowSpec):
    @step
    def start(self):
        self.kind = "new"
        self.next({"new": self.prepare, "old": self.use}, condition="kind")

    @step
    def prepare(self):
        self.next(self.use)

    @step
    def use(self):
        self.enough = "no"
        self.next({"yes": self.end, "no": self.more}, condition="enough")

    @step
    def more(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchStraightFlow()
