"""A foreach whose body starts its splits itself, as in Metaflow's own example, inside a foreach."""

from metaflow import FlowSpec, step, unbounded_test_foreach_internal
from metaflow.plugins import InternalTestUnboundedForeachInput


class Unbounded(FlowSpec):
    @step
    def start(self):
        self.words = ["ab", "c"]
        self.next(self.spell, foreach="words")

    @step
    def spell(self):
        self.letters = InternalTestUnboundedForeachInput(self.input)
        self.next(self.shout, foreach="letters")

    @unbounded_test_foreach_internal
    @step
    def shout(self):
        self.loud = self.input.upper()
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.loud = [task.loud for task in inputs]
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.loud = [task.loud for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Unbounded()
