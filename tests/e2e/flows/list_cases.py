"""Cases of a switch that lead to several steps at once, in a foreach too."""

from metaflow import FlowSpec, Parameter, step


class ListCases(FlowSpec):
    way = Parameter("way", default="hit")

    @step
    def start(self):
        self.log = ["start"]
        self.next(
            {"hit": self.known, "miss": [self.clip, self.face], "far": (self.one, self.two, self.three)},
            condition="way",
        )

    @step
    def clip(self):
        self.frames = ["odd", "even", "odd"]
        self.next(self.look, foreach="frames")

    @step
    def look(self):
        self.kind = self.input
        self.next({"even": self.plain, "odd": [self.left, self.right]}, condition="kind")

    @step
    def plain(self):
        self.seen = [self.input]
        self.next(self.looked)

    @step
    def left(self):
        self.seen = ["left"]
        self.next(self.sides)

    @step
    def right(self):
        self.seen = ["right"]
        self.next(self.sides)

    @step
    def sides(self, inputs):
        self.seen = sorted(side for one in inputs for side in one.seen)
        self.next(self.looked)

    @step
    def looked(self):
        self.next(self.clipped)

    @step
    def clipped(self, inputs):
        self.merge_artifacts(inputs, include=["log"])
        self.parts = [side for one in inputs for side in one.seen]
        self.next(self.both)

    @step
    def face(self):
        self.parts = ["face"]
        self.next(self.both)

    @step
    def one(self):
        self.parts = ["one"]
        self.next(self.both)

    @step
    def two(self):
        self.parts = ["two"]
        self.next(self.both)

    @step
    def three(self):
        self.parts = ["three"]
        self.next(self.both)

    @step
    def both(self, inputs):
        self.parts = sorted(part for one in inputs for part in one.parts)
        self.next(self.known)

    @step
    def known(self):
        self.known_parts = getattr(self, "parts", [])
        self.next(self.end)

    @step
    def end(self):
        print(self.known_parts)


if __name__ == "__main__":
    ListCases()
