"""How long a run may take, ``--workflow-timeout``: Windmill has no such limit, so each task holds it.

The time counts from the moment at which Windmill began the flow's job, whoever started it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.errors import WindmillError, WorkflowTimeout
from metaflow_windmill.runtime.attempts import windmill_of
from metaflow_windmill.runtime.ids import run_id

if TYPE_CHECKING:
    from metaflow_windmill.runtime.given import Given, Here
    from metaflow_windmill.runtime.job import Job


@dataclass(frozen=True)
class Deadline:
    """The moment at which a run has to be over.

    Parameters
    ----------
    at : float
        Seconds since 1970.
    seconds : int
        How long the run may take.
    """

    at: float
    seconds: int

    def passed(self, later: float = 0) -> bool:
        """Tell whether it has passed, or will have passed in so many seconds."""
        return time.time() + later >= self.at

    def error(self, step: str, what: str) -> WorkflowTimeout:
        """Return the error of a step that it ended, or kept from beginning."""
        return WorkflowTimeout(
            f"The run took longer than the {self.seconds} seconds of its --workflow-timeout, so step "
            f"{step!r} was {what}. Find out what takes so long, or deploy the flow with a longer one."
        )


def deadline_of(here: Here, given: Given, token: str) -> Deadline | None:
    """Return when the run of a job has to be over; None if it may take for ever.

    The start step asks Windmill when the run began and tells all others. A run that a person
    restarted at a later step has the start step's result from the run before, and asks anew.
    """
    seconds = here.record.workflow_timeout
    if seconds is None:
        return None
    told = given.deadline if given.run == run_id(here.job, None) else None
    return Deadline(_began(here.job, token) + seconds if told is None else told, seconds)


def _began(job: Job, token: str) -> float:
    """Return when the run began, or now if Windmill does not tell."""
    try:
        began = windmill_of(job, token).get_job(job.run).started_at
    except WindmillError:
        began = None
    return began.timestamp() if began else time.time()
