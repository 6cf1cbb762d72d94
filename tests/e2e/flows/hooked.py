"""Exit hooks that note what they see of the run; some of them fail."""

import os
from pathlib import Path

from hooked_away import from_afar
from metaflow import FlowSpec, Parameter, current, exit_hook, step


def note(run, what):
    data = next(iter(run["start"])).data if run else None
    line = f"{what} {run and run.id} {run and run.successful} {data and data.made}"
    with Path(os.environ["HOOKED_NOTES"]).open("a") as file:
        file.write(f"{line}\n")


def celebrate(run):
    print("a good end")
    note(run, "celebrate")


def mourn(run):
    note(run, "mourn")


def stumble():
    raise ValueError("this hook stumbles")


@exit_hook(on_success=[stumble, celebrate], on_error=[stumble, mourn])
@exit_hook(on_success=["hooked_away.from_afar"], on_error=["no_such_hook"])
class Hooked(FlowSpec):
    bad = Parameter("bad", default="", help="Which items fail, or `start`")

    @step
    def start(self):
        self.made = "made by start"
        if self.bad == "start":
            raise RuntimeError("start fails")
        self.items = [0, 1]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.numbers = [1]
        self.next(self.each, foreach="numbers")

    @step
    def each(self):
        if str(self.foreach_stack()[0][0]) in self.bad:
            raise RuntimeError(f"item {self.foreach_stack()[0][0]} fails")
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        assert current.run_id
        assert from_afar


if __name__ == "__main__":
    Hooked()
