"""Checks in a row, each of which may turn the run away, with a split and a recursion: written in one row."""

from __future__ import annotations

from metaflow import FlowSpec, Parameter, step


class TangledFlow(FlowSpec):
    passed = Parameter("passed", default=9, type=int, help="How many of the checks are passed.")

    def check(self, number: int) -> None:
        """Go on where the check is passed."""
        self.seen = [*getattr(self, "seen", []), number]
        self.verdict = "pass" if number < self.passed else "fail"

    @step
    def start(self):
        self.check(0)
        self.next({"pass": self.size, "fail": self.reject}, condition="verdict")

    @step
    def size(self):
        self.check(1)
        self.next({"pass": self.language, "fail": self.shrink}, condition="verdict")

    @step
    def shrink(self):
        self.turns = getattr(self, "turns", 0) + 1
        self.fits = "yes" if self.turns > 2 else "no"
        self.next({"no": self.shrink, "yes": self.language, "never": self.reject}, condition="fits")

    @step
    def language(self):
        self.check(2)
        self.next({"pass": self.measure, "fail": self.translate}, condition="verdict")

    @step
    def translate(self):
        self.next(self.measure)

    @step
    def measure(self):
        self.next(self.length, self.depth)

    @step
    def length(self):
        self.found = len(self.seen)
        self.next(self.measured)

    @step
    def depth(self):
        self.found = getattr(self, "turns", 0)
        self.next(self.measured)

    @step
    def measured(self, inputs):
        self.found = sorted(one.found for one in inputs)
        self.merge_artifacts(inputs, exclude=["found"])
        self.next(self.quality)

    @step
    def quality(self):
        self.check(3)
        self.next({"pass": self.origin, "fail": self.reject}, condition="verdict")

    @step
    def origin(self):
        self.check(4)
        self.next({"pass": self.owner, "fail": self.review}, condition="verdict")

    @step
    def owner(self):
        self.check(5)
        self.next({"pass": self.accept, "fail": self.review}, condition="verdict")

    @step
    def review(self):
        self.check(6)
        self.next({"pass": self.accept, "fail": self.reject}, condition="verdict")

    @step
    def accept(self):
        self.answer = "accepted"
        self.next(self.end)

    @step
    def reject(self):
        self.answer = "rejected"
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TangledFlow()
