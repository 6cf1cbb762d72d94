"""Two steps, each of which says that it runs, and ends when it may."""

import time
from pathlib import Path

from metaflow import FlowSpec, Parameter, step


class AwaitedFlow(FlowSpec):
    place = Parameter("place", help="A directory in which each step looks for the file `<step>.goes`")

    def _wait(self, step):
        Path(self.place, f"{step}.runs").touch()
        while not Path(self.place, f"{step}.goes").exists():
            time.sleep(0.02)

    @step
    def start(self):
        self._wait("start")
        self.next(self.end)

    @step
    def end(self):
        self._wait("end")


if __name__ == "__main__":
    AwaitedFlow()
