"""A step of a foreach's body that returns to itself, with two ways out, one of them straight."""

from metaflow import FlowSpec, retry, step


class RecursionInForeachFlow(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.climb, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def climb(self):
        self.state = "top"
        self.next({"again": self.climb, "top": self.rest, "fall": self.meet}, condition="state")

    @step
    def rest(self):
        self.next(self.meet)

    @step
    def meet(self):
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    RecursionInForeachFlow()
