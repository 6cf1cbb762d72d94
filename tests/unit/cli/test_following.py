"""How a run is told: a line a task while there are few, counts when there are many."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from metaflow_windmill.cli.flow.following import Teller, error_of
from metaflow_windmill.client.models import Job, JobState
from metaflow_windmill.deploy.watch import Event, Look, Task

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
RUNNING = Job("run", JobState.RUNNING, "f/flows/Hello")
OVER = Job("run", JobState.FAILED, "f/flows/Hello")


class Told:
    """Keeps the lines, on a clock of its own."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.now = 0.0
        self.teller = Teller(lambda text, *_: self.lines.append(text), clock=lambda: self.now)

    def look(self, *events: Event, run: Job = RUNNING) -> list[str]:
        self.lines.clear()
        self.teller.look(Look(run, events))
        return list(self.lines)


def event(
    number: int,
    state: JobState = JobState.RUNNING,
    attempt: int = 0,
    task_id: str | None = None,
    labels: tuple[str, ...] = (),
) -> Event:
    end = START + timedelta(seconds=1.25) if state.final else None
    job = Job(str(number), state, "", started_at=START, completed_at=end, labels=labels)
    return Event(Task(job, "work", task_id or f"t-{number}", attempt), ended=state.final, at=end or START)


def test_only_what_is_told_calls_for_another_look_at_once() -> None:
    told = Told()
    assert told.teller.look(Look(RUNNING, (event(0),)))
    assert not told.teller.look(Look(RUNNING))
    assert told.teller.look(Look(RUNNING, tuple(event(number) for number in range(1, 40))))
    assert not told.teller.look(Look(RUNNING, (event(40), event(41))))
    told.now += 6.0
    assert told.teller.look(Look(RUNNING))


def test_a_line_for_each_task() -> None:
    told = Told()
    assert told.look(event(0), event(1)) == ["work/t-0 started", "work/t-1 started"]
    assert told.look(event(0, JobState.SUCCEEDED), event(1, JobState.FAILED)) == [
        "work/t-0 done after 1.2 s",
        "work/t-1 failed after 1.2 s",
    ]
    again = told.look(event(2, attempt=1, task_id="t-1"))
    assert again == ["work/t-1 started (attempt 2)"]
    assert list(told.teller.failed) == ["work/t-1"]
    told.look(event(2, JobState.SUCCEEDED, attempt=1, task_id="t-1"))
    assert list(told.teller.failed) == []


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


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (
            {"error": {"name": "E", "message": "m", "step_id": "hook", "extra": {"failed_step": "work"}}},
            ("work", "E: m"),
        ),
        (
            {"error": {"name": "ValueError", "message": "no\n", "step_id": "work"}},
            ("work", "ValueError: no"),
        ),
        ({"error": {"message": "killed"}}, ("", "killed")),
        ([{"x": 1}, {"error": {"name": "E", "message": "m"}}], ("", "E: m")),
        (None, ("", "Windmill tells no reason")),
        ("text", ("", "Windmill tells no reason")),
    ],
)
def test_what_went_wrong(result: Any, expected: tuple[str, str]) -> None:
    assert error_of(Job("run", JobState.FAILED, "", result=result)) == expected
