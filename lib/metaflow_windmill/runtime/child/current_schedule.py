"""When a run that a schedule started was due: all of its tasks are told, and those of a run that resumes it.

Windmill tells each job when that very job was due, which for a step is the moment it was made. The
time of the schedule is that of the outermost job, so the start step asks for it and keeps it.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING

from metaflow_windmill.internals.running import tell_task
from metaflow_windmill.runtime.child.task_environment import DUE

if TYPE_CHECKING:
    from metaflow_windmill.runtime.position.current_job import CurrentJob
    from metaflow_windmill.runtime.position.given import Here, ReceivedInputs
    from metaflow_windmill.runtime.position.tasks import Tasks

_KEPT = "scheduled.json"


def set_due(here: Here, given: ReceivedInputs, tasks: Tasks) -> None:
    """Set the variable for the task; the start step, which was told the time, keeps it for all others."""
    if given.run is None:
        found = _utc(given.due) or (tasks.of_run(given.order.run).kept(_KEPT) if given.order else "")
        if found:
            tasks.keep(_KEPT, found)
    else:
        found = tasks.kept(_KEPT) if _may_have_been_due(here.job, given) else ""
    os.environ[DUE] = found or ""


def tell_of_schedule() -> None:
    """Let the task see the time of the schedule, as ``current.scheduled_for``; None where there is none."""
    text = os.environ.get(DUE)
    tell_task(scheduled_for=datetime.fromisoformat(text) if text else None)


def _may_have_been_due(job: CurrentJob, given: ReceivedInputs) -> bool:
    """Tell whether a schedule started the run, or the one that it resumes."""
    return bool(job.schedule or given.origin)


def _utc(due: str | None) -> str:
    """Return a moment that Windmill told as Python writes it, or nothing."""
    return datetime.fromisoformat(due.replace("Z", "+00:00")).isoformat() if due else ""
