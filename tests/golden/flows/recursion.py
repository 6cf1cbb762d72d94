"""A step that returns to itself, with one way out."""

from metaflow import FlowSpec, step, timeout


class RecursionFlow(FlowSpec):
    @step
    def start(self):
        self.n = 0
        self.next(self.turn)

    @timeout(minutes=1)
    @step
    def turn(self):
        self.n += 1
        self.again = "yes" if self.n < 3 else "no"
        self.next({"yes": self.turn, "no": self.after}, condition="again")

    @step
    def after(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    RecursionFlow()
