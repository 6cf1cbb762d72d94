"""How long a run may take, ``--workflow-timeout``: Windmill has no such limit, so each task holds it.

The time counts from the moment at which Windmill began the flow's job, whoever started it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from metaflow_windmill.errors import WorkflowTimeout

if TYPE_CHECKING:
    from metaflow_windmill.runtime.position.given import Here, ReceivedInputs


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


def deadline_of(here: Here, given: ReceivedInputs) -> Deadline | None:
    """Return when the run of a job has to be over; None if it may take for ever.

    The start step was told when the run began, and tells all others.
    """
    seconds = here.record.workflow_timeout
    if seconds is None:
        return None
    return Deadline(_began(given.began) + seconds if given.deadline is None else given.deadline, seconds)


def _began(told: str | None) -> float:
    """Return when the run began, or now if Windmill did not tell."""
    return datetime.fromisoformat(told.replace("Z", "+00:00")).timestamp() if told else time.time()
