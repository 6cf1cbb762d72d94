"""Three steps; the middle one fails if it is told to, and waits if it is told to."""

import time
from pathlib import Path

from metaflow import FlowSpec, Parameter, current, step


class Short(FlowSpec):
    bad = Parameter("bad", default=False)
    wait_for = Parameter("wait-for", default="", help="A file that `work` waits for")

    @step
    def start(self):
        self.began = current.run_id
        self.next(self.work)

    @step
    def work(self):
        if self.wait_for:
            Path(f"{self.wait_for}.waiting").touch()
        while self.wait_for and not Path(self.wait_for).exists():
            time.sleep(0.05)
        if self.bad:
            raise RuntimeError("told to be bad")
        self.worked = current.run_id
        self.next(self.end)

    @step
    def end(self):
        self.ended = current.run_id
        self.origin = current.origin_run_id


if __name__ == "__main__":
    Short()
