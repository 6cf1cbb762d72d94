"""Runs and tasks as rows for people and as JSON for programs."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from metaflow_windmill.client.pages import run_page
from metaflow_windmill.deployment.described.names import run_id_of
from metaflow_windmill.deployment.placed.ownership import TOKEN_SCHEME

if TYPE_CHECKING:
    from metaflow_windmill.client.models import Job
    from metaflow_windmill.client.site import Site
    from metaflow_windmill.runs.watch import TaskJob
    from metaflow_windmill.types import Json

RUN_HEADS = ("run", "state", "started", "took", "by")
TASK_HEADS = ("task", "state", "started", "took", "attempt")


def run_json(site: Site, job: Job) -> dict[str, Json]:
    """Return a run for a program."""
    return {
        "run_id": run_id_of(job.id),
        "job_id": job.id,
        "state": job.state.value,
        "created_at": time_json(job.created_at),
        "started_at": time_json(job.started_at),
        "ended_at": time_json(job.completed_at),
        "seconds": job.seconds,
        "created_by": job.created_by,
        "schedule": job.schedule,
        "page": run_page(site.host, site.workspace, job.id),
    }


def run_row(job: Job) -> tuple[str, ...]:
    """Return a run for a person."""
    by = f"schedule {job.schedule}" if job.schedule else job.created_by or ""
    return (run_id_of(job.id), job.state.value, time_text(job.started_at), took_text(job), by)


def task_json(task: TaskJob) -> dict[str, Json]:
    """Return a task for a program."""
    return {
        "step": task.step,
        "task_id": task.id,
        "state": task.job.state.value,
        "attempt": task.attempt,
        "job_id": task.job.id,
        "started_at": time_json(task.job.started_at),
        "ended_at": time_json(task.job.completed_at),
        "seconds": task.job.seconds,
        **({"error": task.reason} if task.reason else {}),
    }


def task_row(task: TaskJob) -> tuple[str, ...]:
    """Return a task for a person."""
    state, started = task.job.state.value, time_text(task.job.started_at)
    return (task.name, state, started, took_text(task.job), str(task.attempt + 1))


def in_python(token: str, pathspec: str = "") -> str:
    """Return the line of Python after which Metaflow's client reads the runs of a deployed flow.

    Without it a person's own namespace is looked in, where runs of orchestrators are not.
    """
    return f'namespace("{TOKEN_SCHEME}{token}")' + (f'; Run("{pathspec}")' if pathspec else "")


def took_text(job: Job) -> str:
    """Return how long a job took, or has taken until now."""
    if job.started_at is None:
        return ""
    end = job.completed_at or datetime.now(timezone.utc)
    seconds = max(0.0, (end - job.started_at).total_seconds())
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def time_text(moment: datetime | None) -> str:
    """Return a time where the reader is."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def time_json(moment: datetime | None) -> str | None:
    """Return a time in UTC."""
    return moment.isoformat() if moment else None
