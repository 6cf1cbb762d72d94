"""``run`` on a real terminal: a block that is redrawn, what tasks print above it, and Ctrl-C."""

from __future__ import annotations

import re
import shlex
import sys
from typing import TYPE_CHECKING

import pytest
from tests.support.flow_commands import Commands
from tests.support.oracle import Home
from tests.support.patience import patient
from tests.support.terminal import CTRL_C, on_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.support.deployed import Target
    from tests.support.terminal import Terminal

pytestmark = pytest.mark.metaflow

FLOW = """
import os
import time

from metaflow import FlowSpec, Parameter, current, retry, step


class LiveFlow(FlowSpec):
    gate = Parameter("gate", default="")

    @step
    def start(self):
        self.items = list(range(3))
        self.next(self.work, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def work(self):
        print("item", self.input)
        if self.input == 1 and current.retry_count == 0:
            raise ValueError("not the first time")
        self.big = self.input > 5
        self.next({True: self.large, False: self.small}, condition="big")

    @step
    def large(self):
        self.next(self.join)

    @step
    def small(self):
        while self.gate and not os.path.exists(self.gate):
            time.sleep(0.1)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        print("good bye")


if __name__ == "__main__":
    LiveFlow()
"""

STEPS = ["start", "work", "small", "large", "join", "end"]


@pytest.fixture
def commands(tmp_path: Path, windmill: Target) -> Commands:
    home = Home(tmp_path)
    return Commands(home, windmill, home.write("live", FLOW))


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """What the tasks wait for; at the end there is nothing left to wait for, whatever became of the test."""
    yield tmp_path / "gate"
    (tmp_path / "gate").touch()


def terminal(
    commands: Commands, *words: str, columns: int = 120, **env: str
) -> AbstractContextManager[Terminal]:
    line = [sys.executable, commands.flow.name, "--no-pylint", "windmill", *words]
    usual = {"TERM": "xterm-256color", "NO_COLOR": ""}
    environment = {**commands.home.environment, **commands.target.environment, **usual, **env}
    return on_terminal(line, environment, commands.home.root, columns)


def rows(display: tuple[str, ...]) -> dict[str, str]:
    """Return the lines of the block, by their steps."""
    drawn = (line for line in display if "━" in line or line.split()[0] in STEPS)
    return {line.split()[0]: line for line in drawn}


def test_a_run_is_a_block_that_is_redrawn_below_what_tasks_print(commands: Commands) -> None:
    with terminal(commands, "run") as shown:
        status = shown.close(patient(120))
    assert status == 0, "\n".join(shown.scrolled)
    last = rows(shown.display)
    assert list(last) == ["start", "work", "large", "small", "join", "end"]
    assert re.search(r"3 of 3, 1 retried +\d+ s$", last["work"])
    assert re.search(r"3 done +\d+ s$", last["small"])
    assert last["large"].replace("━", "").split() == ["large"]
    assert shown.display[-2].startswith("LiveFlow/windmill-")
    assert re.search(r"  succeeded  \d+ s$", shown.display[-2])
    assert shown.display[-1].endswith(" is done.")
    told = "\n".join(shown.scrolled)
    assert re.search(r"\d\d:\d\d:\d\d\.\d{3} \[work/t-2\] item 2\n", told)
    assert "[work/t-1 (attempt 2)] item 1" in told
    assert re.search(r"\d\d:\d\d:\d\d  work/t-1 failed after .*: ValueError: not the first time", told)
    assert told.count("Metaflow-windmill") == 0
    # Redrawn in place: however often, no line of the block was left behind.
    counts = {row for display in shown.seen if (row := rows(display).get("work"))}
    assert len(counts) > 2
    assert sum(line.startswith("work  ") for line in shown.scrolled) == 1
    assert b"\x1b[32m" in shown.raw
    assert b"\x1b[?25l" not in shown.raw


def test_ctrl_c_leaves_the_terminal_whole_and_says_how_to_go_on(commands: Commands, gate: Path) -> None:
    with terminal(
        commands, "--name", "Mine", "run", "--gate", str(gate), "--quiet-tasks", columns=160
    ) as shown:
        shown.until(
            lambda display: re.search(r" t-\d", rows(display).get("small", "")) is not None, patient(60)
        )
        shown.press(CTRL_C)
        status = shown.close(patient(20))
    assert status == 130
    told = "\n".join(shown.scrolled)
    assert "item 2" not in told
    assert "small" in rows(shown.display)
    assert "Traceback" not in told
    assert not shown.screen.cursor.hidden
    assert "The run goes on." in told
    run = re.search(r"LiveFlow/(windmill-[0-9a-f-]+)", told)
    assert run
    follow, _, stop = (
        shlex.split(line)
        for line in shown.display
        if line.strip().startswith("python live.py windmill --name Mine ")
    )
    assert follow[-3:] == ["logs", run[1], "--follow"]
    assert stop[-2:] == ["terminate", run[1]]
    gate.touch()
    assert "good bye" in commands.well(*follow[3:]).out


@pytest.mark.parametrize(("env", "columns"), [({"NO_COLOR": "1"}, 50), ({"TERM": "dumb"}, 120)])
def test_terminals_that_can_or_want_less(commands: Commands, env: dict[str, str], columns: int) -> None:
    with terminal(commands, "run", columns=columns, **env) as shown:
        assert shown.close(patient(120)) == 0
    assert not re.search(rb"\x1b\[[0-9;]*3\dm", shown.raw.partition(b" was triggered on ")[2])
    told = "\n".join(shown.scrolled)
    if "TERM" in env:
        assert re.search(r"\d\d:\d\d:\d\d  end/t done after ", told)
        assert re.search(r"\[windmill-[0-9a-f-]+/end/t\] good bye", told)
    else:
        assert all(len(line) <= columns for line in shown.display)
        assert rows(shown.display)["work"].split() == ["work", "3", "of", "3,", "1", "retried"]


def test_without_a_terminal_there_are_lines_and_stdout_has_what_tasks_print(commands: Commands) -> None:
    said = commands.well("run")
    assert "\x1b" not in (said.out + said.err).replace("\x1b[K", "")
    printed = [line.partition("] ") for line in said.out.splitlines() if "] item" in line]
    assert sorted(line[2] for line in printed) == ["item 0", "item 1", "item 1", "item 2"]
    assert re.fullmatch(r"\S+ \S+ \[windmill-[0-9a-f-]+/end/t\] good bye", said.out.splitlines()[-1])
    lines = said.err.splitlines()
    assert any(re.search(r"  work/t-1 started \(attempt 2\)$", line) for line in lines)
    assert lines[-1].endswith(" is done.")
