"""Two cases that name the same step, numbers and a value of a configuration among them."""

from metaflow import Config, FlowSpec, step


class SwitchSameStepFlow(FlowSpec):
    limits = Config("limits", default_value={"top": 3})

    @step
    def start(self):
        self.level = 1
        self.next({1: self.low, 2: self.low, 2.5: self.high, self.limits.top: self.high}, condition="level")

    @step
    def low(self):
        self.kind = "a"
        self.next({"a": self.only, "b": self.only}, condition="kind")

    @step
    def only(self):
        self.next(self.end)

    @step
    def high(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchSameStepFlow()
