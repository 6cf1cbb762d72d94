"""Joins that merge artifacts: of a split, of a foreach, and of alternatives behind a switch."""

from metaflow import FlowSpec, step


class Merging(FlowSpec):
    @step
    def start(self):
        self.untouched = {"kept": [1, 2]}
        self.next(self.left, self.right)

    @step
    def left(self):
        self.only_left = "left"
        self.torn = 1
        self.next(self.merge)

    @step
    def right(self):
        self.side = "other"
        self.next({"one": self.first_way, "other": self.second_way}, condition="side")

    @step
    def first_way(self):
        self.way = "first"
        self.next(self.merge)

    @step
    def second_way(self):
        self.way = "second"
        self.torn = 2
        self.next(self.merge)

    @step
    def merge(self, inputs):
        self.torn = [inputs.left.torn, inputs.second_way.torn]
        self.merge_artifacts(inputs)
        self.next(self.fan_out)

    @step
    def fan_out(self):
        self.items = [3, 1, 2]
        self.next(self.each, foreach="items")

    @step
    def each(self):
        self.same_everywhere = "same"
        self.own = self.input
        self.next(self.merge_each)

    @step
    def merge_each(self, inputs):
        self.owns = [task.own for task in inputs]
        self.merge_artifacts(inputs, exclude=["own"])
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Merging()
