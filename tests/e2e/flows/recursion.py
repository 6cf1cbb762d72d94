"""A step that returns to itself as often as asked for, alone and inside a foreach."""

from metaflow import FlowSpec, Parameter, step


class Recursion(FlowSpec):
    turns = Parameter("turns", type=int, default=5)

    @step
    def start(self):
        self.count = 0
        self.next(self.turn)

    @step
    def turn(self):
        self.count += 1
        self.way = "again" if self.count < self.turns else "odd" if self.count % 2 else "even"
        self.next({"again": self.turn, "odd": self.odd, "even": self.even}, condition="way")

    @step
    def odd(self):
        self.kind = "odd"
        self.next(self.fan_out)

    @step
    def even(self):
        self.kind = "even"
        self.next(self.fan_out)

    @step
    def fan_out(self):
        self.goals = [1, 3, 2]
        self.next(self.climb, foreach="goals")

    @step
    def climb(self):
        self.height = getattr(self, "height", 0) + 1
        self.more = self.height < self.input
        self.next({True: self.climb, False: self.top}, condition="more")

    @step
    def top(self):
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.heights = [task.height for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Recursion()
