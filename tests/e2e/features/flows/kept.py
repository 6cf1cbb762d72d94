"""A flow whose data, file, card and code are kept in its datastore, whatever that is."""

from metaflow import FlowSpec, IncludeFile, Parameter, card, current, retry, step


class KeptFlow(FlowSpec):
    text = IncludeFile("text", default="text.txt")
    fail = Parameter("fail", type=bool, default=False)

    @card
    @step
    def start(self):
        self.items = list(range(2))
        self.large = b"x" * 300_000
        self.next(self.work, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def work(self):
        if self.input == 1 and current.retry_count == 0:
            raise ConnectionError("once")
        print("worked on", self.input)
        self.square = self.input**2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.squares = [task.square for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        if self.fail:
            raise ValueError("as asked for")


if __name__ == "__main__":
    KeptFlow()
