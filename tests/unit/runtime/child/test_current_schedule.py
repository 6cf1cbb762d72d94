from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from tests.support.deployments import fixed_deployment
from tests.support.tasks import MemoryTasks

from metaflow_windmill.runtime.child import current_schedule
from metaflow_windmill.runtime.child.task_environment import DUE
from metaflow_windmill.runtime.position.current_job import CurrentJob
from metaflow_windmill.runtime.position.given import Here, ReceivedInputs

if TYPE_CHECKING:
    from metaflow_windmill.runtime.position.tasks import Tasks

TICK = "2026-03-01T12:00:00+00:00"
FILE = "scheduled.json"
LATER = ReceivedInputs(run="windmill-run")
RESUMED = {"$resume": {"run": "windmill-before"}}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DUE, "of another")


def here(schedule: str = "f/flows/F") -> Here:
    job = CurrentJob(id="this", workspace="w", run="run", root="outermost", schedule=schedule)
    return Here(Path(), fixed_deployment("F").record, job)


def set_due(place: Here, given: ReceivedInputs, tasks: MemoryTasks) -> None:
    current_schedule.set_due(place, given, cast("Tasks", tasks))


def test_the_start_step_keeps_the_time_for_all_others() -> None:
    tasks = MemoryTasks()
    set_due(here(), ReceivedInputs(due="2026-03-01T12:00:00Z"), tasks)
    assert (os.environ[DUE], tasks.kept(FILE)) == (TICK, TICK)
    os.environ[DUE] = ""
    set_due(here(), LATER, tasks)
    assert os.environ[DUE] == TICK


def test_a_run_that_resumes_a_scheduled_one_has_its_time() -> None:
    tasks = MemoryTasks(others={"windmill-before": MemoryTasks(things={FILE: TICK})})
    by_hand = here(schedule="")
    set_due(by_hand, ReceivedInputs(parameters=RESUMED), tasks)
    assert (os.environ[DUE], tasks.kept(FILE)) == (TICK, TICK)
    os.environ[DUE] = ""
    set_due(by_hand, ReceivedInputs(run="windmill-run", origin={"run": "windmill-before"}), tasks)
    assert os.environ[DUE] == TICK


def test_a_run_that_was_started_by_hand_has_none() -> None:
    tasks = MemoryTasks(things={FILE: "never asked for"})
    set_due(here(schedule=""), LATER, tasks)
    assert os.environ[DUE] == ""
    set_due(here(schedule=""), ReceivedInputs(), tasks)
    assert os.environ[DUE] == ""
