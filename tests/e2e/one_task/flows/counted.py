"""A flow that counts how often its code was run, and keeps which attempt made its artifacts."""

import atexit
import os
import time
from pathlib import Path

from metaflow import FlowSpec, Parameter, current, step


class CountedFlow(FlowSpec):
    number = Parameter("number", type=int, default=1)

    @step
    def start(self):
        self.items = list(range(50))
        self.note()
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.note()
        time.sleep(600 if "SLOW" in os.environ else 0)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass

    def note(self):
        with Path(os.environ["TRACES"]).open("a") as file:
            file.write(f"{current.step_name}/{current.task_id}\n")
        self.attempt = current.retry_count
        print("the code of attempt", self.attempt)
        atexit.register(print, "the last words of attempt", self.attempt)


if __name__ == "__main__":
    CountedFlow()
