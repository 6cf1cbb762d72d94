"""A step whose first attempt fails, where the number is odd."""

from metaflow import FlowSpec, Parameter, current, retry, step
from noted import note


class SoakRetries(FlowSpec):
    number = Parameter("number", type=int)

    @step
    def start(self):
        note(self)
        self.next(self.work)

    @retry(times=2, minutes_between_retries=0)
    @step
    def work(self):
        note(self)
        if self.number % 2 and current.retry_count == 0:
            raise RuntimeError("as asked for")
        self.total = self.number * 2
        self.next(self.end)

    @step
    def end(self):
        note(self)


if __name__ == "__main__":
    SoakRetries()
