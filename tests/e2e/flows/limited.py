"""A flow that takes longer than it may, if it is told to."""

import subprocess
import time
from uuid import uuid4

from metaflow import FlowSpec, Parameter, catch, exit_hook, retry, step


def mourn(run):
    print("mourns", run.id)


@exit_hook(on_error=[mourn])
class Limited(FlowSpec):
    how = Parameter("how", default="", help="`hang` or `fail`")

    @retry(times=2, minutes_between_retries=5)
    @step
    def start(self):
        if self.how == "fail":
            raise ValueError("start fails")
        self.items = [0, 1, 2]
        self.next(self.work, foreach="items")

    @catch(var="lost")
    @retry(times=1)
    @step
    def work(self):
        if self.how == "hang":
            mark = f"600.{uuid4().int}"  # a number of a process is another one outside of the job
            subprocess.Popen(["sleep", mark])
            print("sleeps", mark, flush=True)
            time.sleep(600)
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Limited()
