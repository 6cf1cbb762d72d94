"""A flow that fails if it is told to."""

from metaflow import FlowSpec, Parameter, step


class Told(FlowSpec):
    """What its file says of it."""

    bad = Parameter("bad", default=False, type=bool, help="Whether it fails")

    @step
    def start(self):
        if self.bad:
            raise ValueError("1 < 2 & all that")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Told()
