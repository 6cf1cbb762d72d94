"""How a run is told: a line a task while there are few, counts when there are many."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from tests.support.answering import Answering

from metaflow_windmill.cli.flow.telling.following import Followed, conclude, note_failures
from metaflow_windmill.cli.flow.telling.teller import Teller
from metaflow_windmill.client.models import Job, JobState
from metaflow_windmill.client.site import COMMAND, Site
from metaflow_windmill.runs.watch import TaskEvent, TaskJob
from metaflow_windmill.terminal.speech import CommandError

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
RUNNING = Job("run", JobState.RUNNING, "f/flows/Hello")
OVER = Job("run", JobState.FAILED, "f/flows/Hello")
SERVER = Site(Answering({}).windmill, "http://windmill", COMMAND)
FLOW = SimpleNamespace(flow=SimpleNamespace(name="Hello"), is_quiet=True)


class Told:
    """Keeps the lines, on a clock of its own."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.now = 0.0
        self.failed: dict[str, str] = {}
        self.teller = Teller(lambda text, *_: self.lines.append(text), clock=lambda: self.now)

    def look(self, *events: TaskEvent, run: Job = RUNNING) -> list[str]:
        self.lines.clear()
        for one in events:
            self.teller.event(one)
        self.teller.counts(over=run.state.final)
        note_failures(self.failed, events)
        return list(self.lines)


def event(
    number: int,
    state: JobState = JobState.RUNNING,
    attempt: int = 0,
    task_id: str | None = None,
    *,
    labels: tuple[str, ...] = (),
    reason: str = "",
) -> TaskEvent:
    end = START + timedelta(seconds=1.25) if state.final else None
    job = Job(str(number), state, "", started_at=START, completed_at=end, labels=labels)
    return TaskEvent(
        TaskJob(job, "work", task_id or f"t-{number}", attempt, reason), ended=state.final, at=end or START
    )


def test_a_line_for_each_task() -> None:
    told = Told()
    assert told.look(event(0), event(1)) == ["work/t-0 started", "work/t-1 started"]
    assert told.look(event(0, JobState.SUCCEEDED), event(1, JobState.FAILED)) == [
        "work/t-0 done after 1.2 s",
        "work/t-1 failed after 1.2 s",
    ]
    again = told.look(event(2, attempt=1, task_id="t-1"))
    assert again == ["work/t-1 started (attempt 2)"]
    assert list(told.failed) == ["work/t-1"]
    told.look(event(2, JobState.SUCCEEDED, attempt=1, task_id="t-1"))
    assert list(told.failed) == []


def test_counts_where_there_are_many() -> None:
    told = Told()
    lines = told.look(*(event(number) for number in range(5000)))
    assert len(lines) == 21
    assert lines[-1] == "work: 5000 running"
    assert told.look(*(event(number, JobState.SUCCEEDED) for number in range(100))) == []
    told.now = 6.0
    assert told.look() == ["work: 100 done, 4900 running"]
    told.now = 12.0
    assert told.look() == []  # nothing new
    assert told.look(event(100, JobState.FAILED))[0] == "work/t-100 failed after 1.2 s"
    rest = told.look(*(event(number, JobState.SUCCEEDED) for number in range(101, 5000)))
    assert rest == ["work: 4999 done, 1 failed"]


def test_clones_are_told_apart() -> None:
    told = Told()
    told.look(*(event(number) for number in range(30)))
    told.now = 6.0
    clones = (event(number, JobState.SUCCEEDED, labels=("metaflow", "cloned")) for number in range(29))
    assert told.look(*clones) == ["work: 29 cloned, 1 running"]
    assert told.look(event(29, JobState.SUCCEEDED)) == ["work: 29 cloned, 1 done"]
    few = Told()
    few.look(event(0))
    assert few.look(event(0, JobState.SUCCEEDED, labels=("cloned",))) == ["work/t-0 cloned after 1.2 s"]


def test_the_end_tells_the_last_counts() -> None:
    told = Told()
    told.look(*(event(number) for number in range(30)))
    assert told.look(event(0, JobState.CANCELED), run=OVER) == ["work: 1 was stopped, 29 running"]


def test_a_failure_is_told_with_its_reason() -> None:
    told = Told()
    told.look(event(0))
    lines = told.look(event(0, JobState.FAILED, reason="ValueError: no\nand more"))
    assert lines == ["work/t-0 failed after 1.2 s: ValueError: no"]
    assert told.failed == {"work/t-0": "ValueError: no\nand more"}


def test_each_task_that_failed_has_its_own_reason_at_the_end() -> None:
    failed = {"work/t-0": "ValueError: no", "work/t-1": "ValueError: no", "join/t": "KeyError: 'x'\nmore"}
    with pytest.raises(CommandError) as caught:
        conclude(FLOW, SERVER, Followed(OVER, failed))
    said = caught.value.message
    assert said.startswith("Hello/windmill-run failed at work/t-0, work/t-1, join/t: ValueError: no\n")
    assert "\njoin/t: KeyError: 'x'\nIts log: " in said
    assert "more" not in said


def test_the_reason_is_that_of_windmill_where_no_task_failed() -> None:
    over = replace(OVER, result=[[{"error": {"name": "Timeout", "message": "too long", "step_id": "loop"}}]])
    with pytest.raises(CommandError) as caught:
        conclude(FLOW, SERVER, Followed(over))
    assert "Hello/windmill-run failed at loop: Timeout: too long" in caught.value.message
