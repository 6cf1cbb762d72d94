from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest
from tests.support.deployments import fixed_deployment

from metaflow_windmill.runtime.child.deadline import Deadline, deadline_of
from metaflow_windmill.runtime.position.current_job import CurrentJob
from metaflow_windmill.runtime.position.given import Here, ReceivedInputs

BEGAN = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)


def here(seconds: int | None = 60) -> Here:
    record = replace(fixed_deployment("F").record, workflow_timeout=seconds)
    return Here(Path(), record, CurrentJob(id="this", workspace="w", run="run"))


def test_a_run_may_take_for_ever() -> None:
    assert deadline_of(here(seconds=None), ReceivedInputs()) is None


def test_the_start_step_counts_from_the_beginning_of_the_run() -> None:
    for told in ("2026-03-01T12:00:00+00:00", "2026-03-01T12:00:00.000000Z"):
        assert deadline_of(here(), ReceivedInputs(began=told)) == Deadline(BEGAN.timestamp() + 60, 60)


def test_another_step_is_told() -> None:
    assert deadline_of(here(), ReceivedInputs(run="windmill-run", deadline=5.0)) == Deadline(5.0, 60)


def test_it_counts_from_now_if_windmill_does_not_tell() -> None:
    found = deadline_of(here(), ReceivedInputs())
    assert found
    assert not found.passed()
    assert found.passed(later=60)


def test_the_error_says_what_to_do_and_that_no_attempt_follows() -> None:
    error = Deadline(time.time() - 1, 60).error("train", "stopped")
    assert str(error) == (
        "The run took longer than the 60 seconds of its --workflow-timeout, so step 'train' was stopped. "
        "Find out what takes so long, or deploy the flow with a longer one."
    )
    assert vars(error) == {"final": True}


@pytest.mark.parametrize(("at", "passed"), [(-1, True), (60, False)])
def test_it_passes(at: float, *, passed: bool) -> None:
    assert Deadline(time.time() + at, 60).passed() is passed
