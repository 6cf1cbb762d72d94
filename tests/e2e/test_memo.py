"""Tasks that are cloned from earlier successes: what runs, what does not, and what a person reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import Deployed
from tests.support.oracle import Home, compare

if TYPE_CHECKING:
    from tests.support.deployed import Target

pytestmark = [pytest.mark.metaflow, pytest.mark.timeout(500)]

LINEAR = """
import helpers
from metaflow import FlowSpec, Parameter, card, current, exit_hook, step
from metaflow.cards import Markdown


def ended(run):
    with open(run["start"].task["notes"].data + ".ended", "a") as file:
        file.write(f"{run.id} {run['end'].task['told'].data}\\n")


@exit_hook(on_success=[ended])
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

    @card(type="blank")
    @step
    def double(self):
        self.note()
        current.card.append(Markdown("# doubled"))
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
CHOSEN = """
from metaflow import FlowSpec, Parameter, catch, current, memo, retry, step


class Chosen(FlowSpec):
    notes = Parameter("notes")
    label = Parameter("label", default="a")

    def note(self):
        with open(self.notes, "a") as file:
            file.write(current.step_name + "\\n")

    @step
    def start(self):
        self.note()
        self.next(self.work)

    @memo(ignore=["label"])
    @step
    def work(self):
        self.note()
        self.made = "made of " + self.label
        self.next(self.fails)

    @memo
    @catch(var="why")
    @retry(times=0)
    @step
    def fails(self):
        self.note()
        raise ValueError("each time")
        self.next(self.soon)

    @memo(expires="1s", ignore=["label", "why", "_catch_exception", "made"])
    @step
    def soon(self):
        self.note()
        self.said = self.label
        self.next(self.end)

    @memo(ignore=["why", "_catch_exception"])
    @step
    def end(self):
        self.note()
        self.last = self.label


if __name__ == "__main__":
    Chosen()
"""
SHOWS_CARD = """
import sys
from metaflow import Task, namespace
from metaflow.cards import get_cards
namespace(None)
task = Task(sys.argv[1])
(here,), (there,) = get_cards(task), get_cards(Task(task.origin_pathspec))
print(here.type, here.get() == there.get(), task.origin_pathspec)
"""
RESUMED = Path(__file__).parent / "flows/resumed.py"
HELPERS = "def total(numbers):\n    return sum(numbers)\n"


@dataclass
class Edited:
    """A flow whose files change between its runs, and which writes down what of it ran."""

    home: Home
    target: Target
    name: str = "Linear"
    options: tuple[str, ...] = ("--memo", "--pack=10")
    notes: Path | None = None

    def write(self, name: str, text: str) -> None:
        self.home.write(name, text)

    @property
    def deployed(self) -> Deployed:
        return Deployed(self.home, self.target, self.home.root / "flow.py", self.name)

    def run(self, *words: str) -> tuple[list[str], str]:
        """Deploy and run; return what ran, and the run's id."""
        notes = self.notes or self.home.root / "ran"
        run = self.deployed.run(*self.options, f"--notes={notes}", *words)
        job = self.deployed.wait(run)
        assert job.state.value == "SUCCEEDED", job.result
        return self.ran(), run

    def ran(self) -> list[str]:
        file = (self.notes or self.home.root) / "ran"
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        file.unlink(missing_ok=True)
        return text.splitlines()

    def why(self, *words: str) -> str:
        done = self.deployed.command("why", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def artifact(self, run: str, step: str, name: str) -> str:
        seen = self.deployed.finish(run)
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
    assert (tmp_path / "ran.ended").read_text() == "".join(f"{run} the sum is 6\n" for run in (first, second))
    shown = flow.home.python("-c", SHOWS_CARD, f"Linear/{second}/double/t")
    assert shown.stdout == f"blank True Linear/{first}/double/t\n", shown.stderr
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
    assert f"{first}/start/t (memo): all parts of its key are the same" in flow.why(f"{second}/start")
    assert "has a success of it" in flow.why(f"{first}/start/t")
    assert "was cloned from" in flow.why("total")  # of the last run
    told = json.loads(flow.why(f"{third}/double", "--json"))
    assert [item["part"] for item in told["changed"]] == ["artifact numbers", "artifact size"]
    assert f"has changed since {third}/total/t: code." in flow.why(f"{fourth}/total")
    done = flow.deployed.command("why", f"{first}/nowhere")
    assert done.returncode == 1
    assert "has no key" in done.stderr


def test_the_decorator_says_what_is_not_compared_and_for_how_long(windmill: Target, tmp_path: Path) -> None:
    flow = Edited(Home(tmp_path), windmill, "Chosen", options=("--pack=10",))
    flow.write("flow", CHOSEN)
    ran, _ = flow.run()
    assert ran == ["start", "work", "fails", "soon", "end"]
    ran, second = flow.run("--label=b")
    assert ran == ["start", "fails", "soon", "end"]
    assert flow.artifact(second, "work", "made") == repr("made of a")
    assert flow.artifact(second, "end", "last") == repr("b")
    assert flow.artifact(second, "end", "label") == repr("b")
    ran, third = flow.run("--label=b")
    assert ran == ["start", "fails", "soon"]  # what @catch took care of is no success, and "soon" is too old
    assert "that success is too old" in flow.why(f"{third}/soon")


@pytest.mark.slow
@pytest.mark.parametrize("packed", [(), ("--pack=3",)])
def test_loops_a_recursion_and_a_switch(windmill: Target, tmp_path: Path, packed: tuple[str, ...]) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "broken").touch()
    text = RESUMED.read_text(encoding="utf-8")
    flow = Edited(Home(tmp_path), windmill, "Resumed", ("--memo", *packed), notes)
    flow.write("flow", text)
    ran, first = flow.run()
    assert len(ran) > 12
    ran, second = flow.run()
    assert ran == []
    before, after = (flow.deployed.finish(run) for run in (first, second))
    assert [line for line in compare(before, after) if "the set of parents" not in line] == []
    if not packed:
        return
    flow.write("flow", text.replace("self.made = f", "self.made = '+' + f", 1))
    ran, _ = flow.run()
    assert [line for line in ran if line.startswith(("start", "group "))] == []
    assert [line.split()[0] for line in ran].count("member") == 4
    assert {"gather_members", "gather_groups", "turn", "choose"} <= {line.split()[0] for line in ran}
