"""Several switches in a row."""

from metaflow import FlowSpec, step


class SwitchRowFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.first)

    @step
    def first(self):
        self.way = "left"
        self.next({"left": self.left, "right": self.right}, condition="way")

    @step
    def left(self):
        self.next(self.second)

    @step
    def right(self):
        self.next(self.second)

    @step
    def second(self):
        self.way = "up"
        self.next({"up": self.up, "down": self.down}, condition="way")

    @step
    def up(self):
        self.next(self.end)

    @step
    def down(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchRowFlow()
