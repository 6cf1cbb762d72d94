"""Runs and tasks as rows and as JSON."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from tests.support.answering import Answering

from metaflow_windmill.cli.flow.telling.showing import (
    in_python,
    run_json,
    run_row,
    task_json,
    task_row,
    took_text,
)
from metaflow_windmill.client.models import Job, JobState
from metaflow_windmill.client.site import COMMAND, Site
from metaflow_windmill.client.windmill import Windmill
from metaflow_windmill.runs.watch import TaskJob

START = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
ID = "0198c0de-0000-7000-8000-000000000000"


def job(seconds: float | None, state: JobState = JobState.SUCCEEDED, schedule: str | None = None) -> Job:
    end = None if seconds is None else START + timedelta(seconds=seconds)
    return Job(ID, state, "f/x", "flow", START, START, end, created_by="alice", schedule=schedule)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (59.4, "59.4 s"),
        (60, "1 min 0 s"),
        (119.6, "2 min 0 s"),
        (3600, "1 h 0 min"),
        (86_399, "23 h 59 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert took_text(job(seconds)) == text


def test_the_line_to_paste() -> None:
    assert in_python("tok") == 'namespace("production:tok")'
    assert in_python("tok", "Hello/windmill-1") == 'namespace("production:tok"); Run("Hello/windmill-1")'


def test_what_has_not_begun_took_nothing() -> None:
    assert took_text(Job(ID, JobState.PENDING, "f/x")) == ""
    assert took_text(job(None, JobState.RUNNING)).endswith(" min")


def test_runs() -> None:
    site = Site(Windmill(Answering({}), "my team"), "http://windmill", COMMAND)
    assert run_row(job(2))[:2] == (f"windmill-{ID}", "SUCCEEDED")
    assert run_row(job(2))[-1] == "alice"
    assert run_row(job(2, schedule="f/x"))[-1] == "schedule f/x"
    assert run_json(site, job(2)) == {
        "run_id": f"windmill-{ID}",
        "job_id": ID,
        "state": "SUCCEEDED",
        "created_at": "2026-01-01T12:00:00+00:00",
        "started_at": "2026-01-01T12:00:00+00:00",
        "ended_at": "2026-01-01T12:00:02+00:00",
        "seconds": 2.0,
        "created_by": "alice",
        "schedule": None,
        "page": f"http://windmill/run/{ID}?workspace=my%20team",
    }


def test_tasks() -> None:
    task = TaskJob(job(2), "work", "t-3", 1)
    row = task_row(task)
    assert (row[0], row[1], row[3], row[4]) == ("work/t-3", "SUCCEEDED", "2.0 s", "2")
    told = task_json(task)
    assert (told["step"], told["task_id"], told["attempt"], told["seconds"]) == ("work", "t-3", 1, 2.0)
