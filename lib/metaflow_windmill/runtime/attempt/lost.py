"""Attempts that were lost: the worker went away in the middle, and nothing of the user's failed.

Windmill starts the job of a lost worker again under the same id, up to three times, and counts no attempt. So
Metaflow's number of an attempt says more than how often the user's code failed, and the two are told apart:

- an attempt that fails leaves a mark, written by the process that looks after it;
- the id of a step's job begins with the milliseconds at which it was made, so an attempt without a mark that
  began after that is of an earlier life of this very job;
- one without a mark that an earlier job began was ended by Windmill, which counted it: for its time limit, by
  a person, or since its worker was lost too often. Only where ``retry_lost`` is said, it counts as lost
  unless it had used up its time.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from uuid import UUID

from metaflow_windmill.errors import FINAL, RetryNotAllowed
from metaflow_windmill.runtime.child.metaflow_commands import EndedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from metaflow_windmill.contract.task_spec import TaskSpec
    from metaflow_windmill.runtime.child.metaflow_commands import Attempt
    from metaflow_windmill.runtime.position.tasks import Tasks

_RANDOM_BITS = 80
_EARLIEST = 1_600_000_000.0
_DAY = 24 * 3600.0


def made_at(job_id: str) -> float | None:
    """Return when a job was made, in seconds since 1970, by its id; None where that does not tell."""
    try:
        seconds = (UUID(job_id).int >> _RANDOM_BITS) / 1000
    except ValueError:
        return None
    return seconds if _EARLIEST < seconds < time.time() + _DAY else None


def count_lost(tasks: Tasks, task: str, begun: Sequence[int], job_id: str, spec: TaskSpec) -> int:
    """Return how many attempts of a task were lost with their workers.

    Parameters
    ----------
    tasks : Tasks
        Of the run.
    task : str
    begun : sequence of int
        Its attempts so far.
    job_id : str
        Of the job that runs it now.
    spec : TaskSpec
    """
    lost, made = 0, made_at(job_id)
    for number in begun:
        mark = tasks.mark(task, number)
        if mark is not None:
            lost = int(mark["lost"])
        elif _was_lost(tasks.begun_at(task, number), made, spec):
            lost += 1
    return lost


def check_lost(lost: int, spec: TaskSpec) -> None:
    """Refuse to run a task again whose workers were lost more often than it is to be run again for that.

    Raises
    ------
    RetryNotAllowed
    """
    if spec.retry_lost is not None and lost > spec.retry_lost:
        raise RetryNotAllowed(
            f"The worker of step {spec.step!r} was lost {lost} times, and retry_lost={spec.retry_lost} says "
            "not to run it again. Look at why workers go away (most often memory), then resume the run."
        )


@contextmanager
def counted(attempt: Attempt, lost: int) -> Iterator[None]:
    """Mark an attempt that fails, and what ended it where the user's own attempts are used up."""
    spec = attempt.task.spec
    try:
        yield
    except EndedError as ended:
        ended.lost = lost
        if spec.retries or spec.retry_lost is not None:
            with suppress(Exception):  # the error itself is what counts
                attempt.tasks.keep_mark(attempt.task.name, attempt.number, {"lost": lost})
        if spec.retry_lost is not None and attempt.number - lost >= spec.retries:
            vars(ended.error)[FINAL] = True
        raise


def _was_lost(began: float | None, made: float | None, spec: TaskSpec) -> bool:
    if began is not None and made is not None and began >= made:
        return True
    if spec.retry_lost is None:
        return False
    used_up = spec.limit is not None and began is not None and made is not None
    return not (used_up and made - began >= spec.limit)  # type: ignore[operator]  # as just looked at
