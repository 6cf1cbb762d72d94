"""The tasks of a run that wait for their next attempt, and how that wait is ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from metaflow_windmill.client.models import JobState
from metaflow_windmill.errors import DeployError, Refused
from metaflow_windmill.runs.watch import CONTAINERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.client.models import Job
    from metaflow_windmill.client.windmill import Windmill

MOST = 1000
"""Tasks that are told of."""


@dataclass(frozen=True)
class Wait:
    """A task that waits for the time of its next attempt.

    Parameters
    ----------
    job : Job
    until : datetime
    """

    job: Job
    until: datetime

    @property
    def module(self) -> str:
        """The id of its module, which is most often the step's name."""
        return self.job.path.rpartition("/")[2]


def waits_of(windmill: Windmill, run: str, now: datetime | None = None) -> tuple[Wait, ...]:
    """Return the tasks of a run that wait for a later time, the first one due first."""
    at = now or datetime.now(timezone.utc)
    found = (Wait(job, job.scheduled_for) for job in _queued(windmill, run) if job.scheduled_for)
    return tuple(sorted((wait for wait in found if wait.until > at), key=lambda wait: wait.until))


def end_wait(windmill: Windmill, wait: Wait) -> bool:
    """Let a task begin its next attempt now; False if it began meanwhile.

    Raises
    ------
    DeployError
        If this Windmill has no way to.
    """
    try:
        if windmill.run_now(wait.job.id):
            return True
    except Refused:
        return False
    raise DeployError(
        "this Windmill cannot start a waiting job before its time; servers from 1.820 on can. To go on at "
        "once all the same, run `python flow.py windmill terminate`, then `python flow.py windmill resume`: "
        "a new run clones what succeeded and begins with what did not"
    )


def _queued(windmill: Windmill, parent: str) -> Iterator[Job]:
    """Yield the jobs of a run that have not begun, wherever in its loops and branches."""
    for job in windmill.list_queued_jobs(parent_job=parent, per_page=MOST):
        if job.kind in CONTAINERS:
            yield from _queued(windmill, job.id)
        elif job.state is JobState.PENDING:
            yield job
