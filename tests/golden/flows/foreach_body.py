"""A foreach whose body has several steps."""

from metaflow import FlowSpec, step


class ForeachBodyFlow(FlowSpec):
    @step
    def start(self):
        self.models = [1, 2, 3]
        self.next(self.train, foreach="models")

    @step
    def train(self):
        self.next(self.score)

    @step
    def score(self):
        self.next(self.choose)

    @step
    def choose(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForeachBodyFlow()
