"""Tasks that are cloned from earlier successes: what runs, what does not, and what a person reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import Deployed
from tests.support.oracle import Home

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.deployed import Target

pytestmark = pytest.mark.metaflow

LINEAR = """
import helpers
from metaflow import FlowSpec, Parameter, current, step


class Linear(FlowSpec):
    notes = Parameter("notes")
    size = Parameter("size", type=int, default=3)

    def note(self):
        with open(self.notes, "a") as file:
            file.write(current.step_name + "\\n")

    @step
    def start(self):
        self.note()
        self.numbers = list(range(self.size))
        self.next(self.double)

    @step
    def double(self):
        self.note()
        self.doubled = [number * 2 for number in self.numbers]
        self.next(self.total)

    @step
    def total(self):
        self.note()
        self.sum = helpers.total(self.doubled)
        self.next(self.end)

    @step
    def end(self):
        self.note()
        self.told = f"the sum is {self.sum}"


if __name__ == "__main__":
    Linear()
"""
HELPERS = "def total(numbers):\n    return sum(numbers)\n"


@dataclass
class Edited:
    """A flow whose files change between its runs, and which writes down what of it ran."""

    home: Home
    target: Target
    name: str = "Linear"
    options: tuple[str, ...] = ("--memo",)

    def write(self, name: str, text: str) -> None:
        self.home.write(name, text)

    @property
    def deployed(self) -> Deployed:
        return Deployed(self.home, self.target, self.home.root / "flow.py", self.name)

    def run(self, *words: str) -> tuple[list[str], str]:
        """Deploy and run; return what ran, and the run's id."""
        run = self.deployed.run(*self.options, f"--notes={self.home.root / 'ran'}", *words)
        job = self.deployed.wait(run)
        assert job.state.value == "SUCCEEDED", job.result
        return self.ran(), run

    def ran(self) -> list[str]:
        file = self.home.root / "ran"
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        file.unlink(missing_ok=True)
        return text.split()

    def artifact(self, run: str, step: str, name: str) -> str:
        (seen,) = self.home.read(f"{self.name}/{run}", told="")
        return seen.at(step).artifacts[name]


def test_what_has_not_changed_is_cloned(windmill: Target, tmp_path: Path) -> None:
    flow = Edited(Home(tmp_path), windmill)
    flow.write("flow", LINEAR)
    flow.write("helpers", HELPERS)
    ran, first = flow.run()
    assert ran == ["start", "double", "total", "end"]
    ran, second = flow.run()
    assert ran == []
    assert flow.artifact(second, "end", "told") == repr("the sum is 6")
    logs = flow.deployed.command("logs", second).stdout
    assert f"cloned from {first}/total/t (memo)" in logs
    assert json.loads(flow.deployed.command("status", second, "--json").stdout)["state"] == "SUCCEEDED"
    ran, third = flow.run("--size=4")
    assert ran == ["start", "double", "total", "end"]
    assert flow.artifact(third, "end", "told") == repr("the sum is 12")
    flow.write("helpers", HELPERS.replace("sum(numbers)", "sum(numbers) + 1"))
    ran, fourth = flow.run("--size=4")
    assert ran == ["total", "end"]
    assert flow.artifact(fourth, "end", "told") == repr("the sum is 13")
    flow.write("flow", LINEAR.replace("number * 2", "2 * number"))
    ran, _ = flow.run("--size=4")
    assert ran == ["double"]  # which makes what it made before: nothing after it runs
