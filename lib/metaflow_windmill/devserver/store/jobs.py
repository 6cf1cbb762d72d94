"""Reading jobs, in the words of Windmill's API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow_windmill.devserver.store.database import Database
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class JobFilters:
    """Which jobs to list; a field left None does not restrict. Instants are microseconds since 1970."""

    path_exact: str | None = None
    path_start: str | None = None
    created_by: str | None = None
    created_before: int | None = None
    created_after: int | None = None
    started_before: int | None = None
    started_after: int | None = None
    completed_before: int | None = None
    completed_after: int | None = None
    parent: str | None = None
    kinds: tuple[str, ...] = ()
    running: bool | None = None
    completed: bool | None = None
    success: bool | None = None
    outcome: str | None = None
    is_flow_step: bool | None = None
    has_null_parent: bool | None = None
    label: str | None = None
    tag: str | None = None
    schedule_path: str | None = None
    args: Json = None
    result: Json = None
    oldest_first: bool = False
    page: int = 1
    per_page: int = 1000


def get_job(db: Database, workspace: str, job_id: str) -> Json:
    """Return a job as `jobs_u/get` shows it, or None; result, args, logs and code are read apart."""
    raise NotImplementedError


def list_jobs(db: Database, workspace: str, filters: JobFilters) -> list[Json]:
    """Return jobs as `jobs/list` shows them, newest first."""
    raise NotImplementedError


def children(db: Database, job_id: str) -> list[Json]:
    """Return the jobs right below a job, oldest first."""
    raise NotImplementedError


def args(db: Database, job_id: str) -> Json:
    """Return a job's arguments, or None."""
    raise NotImplementedError


def result(db: Database, job_id: str) -> Json:
    """Return a finished job's result; None also where there is none."""
    raise NotImplementedError


def result_by_id(db: Database, flow_job: str, step_id: str) -> Json:
    """Return what `results.<step_id>` means inside a flow job."""
    raise NotImplementedError
