"""A flow that keeps data of several kinds in its datastore."""

import os

from metaflow import S3, FlowSpec, IncludeFile, card, current, retry, step


class StoredFlow(FlowSpec):
    text = IncludeFile("text", default="text.txt")

    @card
    @step
    def start(self):
        self.items = list(range(3))
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
        os.chdir("/")
        self.squares = [task.square for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        with S3(run=self) as store:
            store.put("note", "kept by the S3 client")
            self.note = store.get("note").text


if __name__ == "__main__":
    StoredFlow()
