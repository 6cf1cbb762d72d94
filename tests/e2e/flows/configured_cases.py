"""Switches whose cases are numbers and values of a Config, the first of them in the start step."""

from metaflow import Config, FlowSpec, Parameter, step


class ConfiguredCases(FlowSpec):
    names = Config("names", default_value={"fast": "quick", "slow": "thorough"})
    level = Parameter("level", type=int, default=2)

    @step
    def start(self):
        self.how = "thorough"
        self.next({self.names.fast: self.sketch, self.names.slow: self.paint}, condition="how")

    @step
    def sketch(self):
        self.next(self.choose)

    @step
    def paint(self):
        self.next(self.choose)

    @step
    def choose(self):
        self.next({1: self.low, 2: self.high, 2.5: self.high, 3: self.end}, condition="level")

    @step
    def low(self):
        self.next(self.high)

    @step
    def high(self):
        self.reached = "high"
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ConfiguredCases()
