from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from tests.support.tasks import MemoryTasks

from metaflow_windmill.errors import RetryNotAllowed
from metaflow_windmill.runtime.attempt.attempts import (
    check_not_restarted,
    finished,
    in_earlier_life,
    next_attempt,
)
from metaflow_windmill.runtime.position.current_job import CurrentJob

if TYPE_CHECKING:
    from metaflow_windmill.runtime.position.tasks import Tasks


@pytest.mark.parametrize(("begun", "number"), [([], 0), ([0], 1), ([0, 1, 2], 3), ([0, 2], 3)])
def test_an_attempt_follows_the_last_one(begun: list[int], number: int) -> None:
    assert next_attempt(begun, 6) == number


def test_metaflow_would_not_read_a_seventh() -> None:
    with pytest.raises(RetryNotAllowed, match=r"begun 6 times already.*no more than 6"):
        next_attempt(range(6), 6)


def test_a_task_that_ended_well_in_this_run_is_not_run_again() -> None:
    outcome = {"branch": "a", "splits": None}
    tasks = MemoryTasks(notes={("here/t", 1): {"job": "j", "outcome": outcome}})
    assert finished(cast("Tasks", tasks), "here/t", [0, 1]) == outcome
    assert finished(cast("Tasks", tasks), "here/t", [0, 1, 2]) is None
    assert finished(cast("Tasks", tasks), "here/t", []) is None


def test_a_job_that_was_started_again_tells_of_the_tasks_that_it_ran_before() -> None:
    note = {"job": "j", "outcome": {}, "ended_at": 1_600_000_002.5}
    tasks = cast("Tasks", MemoryTasks(notes={("here/t", 1): note}, times={("here/t", 1): 1_600_000_000.25}))
    assert in_earlier_life(tasks, "here/t", 1, "j") == {
        "state": "done",
        "attempt": 1,
        "started_at": "2020-09-13T12:26:40.250+00:00",
        "seconds": 2.25,
    }
    assert in_earlier_life(tasks, "here/t", 1, "a job before it") == {}


@pytest.mark.parametrize(
    ("root", "job"),
    [
        ("r", CurrentJob(root="r", run="an iteration")),
        (None, CurrentJob(root="r")),
        ("", CurrentJob(root="r")),
        ("r", CurrentJob()),
    ],
)
def test_a_step_of_the_run_that_began_it_is_let_through(root: str | None, job: CurrentJob) -> None:
    check_not_restarted("windmill-r", root, job)


def test_a_run_that_was_started_in_the_middle_of_another_is_refused() -> None:
    with pytest.raises(RetryNotAllowed, match=r"in the middle of windmill-r, .* `windmill resume"):
        check_not_restarted("windmill-r", "r", CurrentJob(root="another"))
