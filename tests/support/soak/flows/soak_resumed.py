"""Fails in the middle for as long as a file is there, and is resumed then."""

from pathlib import Path

from metaflow import FlowSpec, Parameter, step
from noted import note


class SoakResumed(FlowSpec):
    number = Parameter("number", type=int)
    broken = Parameter("broken", type=str)

    @step
    def start(self):
        note(self)
        self.total = self.number
        self.next(self.middle)

    @step
    def middle(self):
        note(self)
        if Path(self.broken).exists():
            raise RuntimeError("as asked for")
        self.total += 3
        self.next(self.end)

    @step
    def end(self):
        note(self)


if __name__ == "__main__":
    SoakResumed()
