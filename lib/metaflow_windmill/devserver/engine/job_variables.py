"""The ``WM_*`` variables that a job sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.store import clock

if TYPE_CHECKING:
    from metaflow_windmill.devserver.store.job_rows import JobRow

WORKER_GROUP = "default"


def variables(job: JobRow, parent_path: str | None, token: str, base_url: str) -> dict[str, str]:
    """Return the reserved variables of a job.

    Parameters
    ----------
    job : JobRow
    parent_path : str or None
        The path of the flow job that the job is a step of.
    token : str
    base_url : str
    """
    who, is_step = job.identity, job.step is not None
    path = job.path or ""
    return {
        "BASE_INTERNAL_URL": base_url,
        "WM_BASE_URL": base_url,
        "WM_EMAIL": who.email,
        "WM_END_USER_EMAIL": "",
        "WM_FLOW_JOB_ID": (job.parent or "") if is_step else "",
        "WM_FLOW_PATH": (parent_path or "") if is_step else "",
        "WM_FLOW_STEP_ID": job.step_id or "",
        "WM_JOB_ID": job.id,
        "WM_JOB_PATH": path,
        "WM_OBJECT_PATH": _object_path(job, parent_path),
        "WM_PERMISSIONED_AS": who.permissioned_as,
        "WM_ROOT_FLOW_JOB_ID": job.inner_root if is_step else "",
        "WM_ROOT_JOB_ID": job.root,
        "WM_RUNNABLE_ID": job.hash or "",
        "WM_SCHEDULED_FOR": clock.iso(job.scheduled_for) or "",
        "WM_SCHEDULE_PATH": job.schedule_path or "",
        "WM_STATE_PATH": _state_path(job, parent_path),
        "WM_TESTED_RUNNABLE": "",
        "WM_TOKEN": token,
        "WM_USERNAME": who.username,
        "WM_WORKER_GROUP": WORKER_GROUP,
        "WM_WORKSPACE": job.workspace,
    }


def _state_path(job: JobRow, parent_path: str | None) -> str:
    """Return where a script keeps its state: apart for runs by people and by schedules."""
    trigger = job.created_by if job.schedule_path else "user"
    if job.step is not None:
        return f"{parent_path}/{job.step_id}_{trigger}"
    return f"{job.path}/{trigger}" if job.path else f"u/{job.identity.username}/tmp_state"  # noqa: S108 - of the workspace


def _object_path(job: JobRow, parent_path: str | None) -> str:
    """Return a place for what one run of a script stores elsewhere."""
    trigger = (job.schedule_path or "manual").replace("/", "_")
    unique = f"{job.created_at // 1000}_{job.id}"
    if job.step is not None:
        return f"{(parent_path or '').replace('/', '_')}/{trigger}/{job.step_id}/{unique}"
    return f"{(job.path or '').replace('/', '_')}/{trigger}/{unique}"
