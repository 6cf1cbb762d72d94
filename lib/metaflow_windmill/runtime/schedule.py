"""When a run that a schedule started was due: all of its tasks are told, and those of a run that resumes it.

Windmill tells each job when that very job was due, which for a step is the moment it was made. The
time of the schedule is that of the outermost job, so the start step asks for it and keeps it.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING

from metaflow_windmill.errors import WindmillError
from metaflow_windmill.runtime.attempts import windmill_of
from metaflow_windmill.runtime.commands import say
from metaflow_windmill.runtime.environment import DUE
from metaflow_windmill.runtime.ids import run_id

if TYPE_CHECKING:
    from metaflow_windmill.runtime.given import Given, Here
    from metaflow_windmill.runtime.job import Job
    from metaflow_windmill.runtime.tasks import Tasks

_KEPT = "scheduled.json"


def asked_due(here: Here, given: Given, token: str) -> str:
    """Ask Windmill when the run was due: the start step of a run that a schedule started, and nobody else."""
    if given.run is not None or not here.job.schedule:
        return ""
    return _due(here.job, token)


def set_due(here: Here, given: Given, asked: str, tasks: Tasks) -> None:
    """Set the variable for the task; the start step keeps the time for all others."""
    if given.run is None:
        found = asked or (tasks.of_run(given.order.run).kept(_KEPT) if given.order else "")
        if found:
            tasks.keep(_KEPT, found)
    else:
        found = tasks.kept(_KEPT) if _may_have_been_due(here.job, given) else ""
    os.environ[DUE] = found or ""


def tell_of_schedule() -> None:
    """Let the task see the time of the schedule, as ``current.scheduled_for``; None where there is none."""
    from metaflow import current

    text = os.environ.get(DUE)
    current._update_env({"scheduled_for": datetime.fromisoformat(text) if text else None})  # noqa: SLF001


def _may_have_been_due(job: Job, given: Given) -> bool:
    """Tell whether a schedule started the run, or the one that it resumes, or that a person restarted."""
    return bool(job.schedule or given.origin or given.run != run_id(job, None))


def _due(job: Job, token: str) -> str:
    try:
        due = windmill_of(job, token).get_job(job.root).scheduled_for
    except WindmillError as why:
        say(f"Windmill does not tell when this run was due, so current.scheduled_for is None: {why}")
        return ""
    return due.isoformat() if due else ""
