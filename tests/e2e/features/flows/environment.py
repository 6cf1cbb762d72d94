"""Variables of @environment: in the step, in what it starts, and while the flow file is imported."""

import os
import subprocess
import sys
from pathlib import Path

from metaflow import Config, FlowSpec, config_expr, environment, step

INNER = """
from metaflow import Config, FlowSpec, step

class InnerFlow(FlowSpec):
    other = Config("other", default_value={"word": "inner"})

    @step(start=True, end=True)
    def only(self):
        print(self.other.word)

InnerFlow()
"""
WHEN_IMPORTED = os.environ.get("COLOUR")


class EnvironmentFlow(FlowSpec):
    settings = Config("settings", default_value={"colour": "deep blue"})

    @environment(vars={"NUMBER": 3})
    @step
    def start(self):
        self.number = os.environ["NUMBER"]
        self.items = [0, 1]
        self.next(self.each, foreach="items")

    @environment(vars={"COLOUR": config_expr("settings.colour"), "ODD": "a 'quote' and $HOME"})
    @step
    def each(self):
        self.colours = [WHEN_IMPORTED, subprocess.check_output(["printenv", "COLOUR"], text=True).strip()]
        self.odd = os.environ["ODD"]
        self.none_of_its_own = "NUMBER" not in os.environ
        self.next(self.join)

    @step
    def join(self, inputs):
        self.colours = [each.colours for each in inputs]
        self.merge_artifacts(inputs, include=["odd", "none_of_its_own", "number"])
        self.next(self.end)

    @step
    def end(self):
        self.clean = not {"NUMBER", "COLOUR", "ODD"} & set(os.environ)
        self.environment = dict(os.environ)
        Path("inner.py").write_text(INNER)
        self.inner = subprocess.getoutput(f"{sys.executable} inner.py --no-pylint run")


if __name__ == "__main__":
    EnvironmentFlow()
