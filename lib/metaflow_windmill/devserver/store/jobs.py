"""Reading jobs, in the words of Windmill's API."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.store import flow_status, job_rows, results
from metaflow_windmill.devserver.store.clock import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.devserver.store.database import Database
    from metaflow_windmill.devserver.store.job_rows import JobRow
    from metaflow_windmill.types import Json


ENGINE = "engine"
"""The worker that flows are shown to run at: the server itself."""


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
    suspended: bool | None = None
    label: str | None = None
    tag: str | None = None
    schedule_path: str | None = None
    args: Json = None
    result: Json = None
    due_before: int | None = None
    """Leaves out what waits for a later instant; what ended stays."""
    oldest_first: bool = False
    page: int = 1
    per_page: int = 1000


def get_job(db: Database, workspace: str, job_id: str, *, with_status: bool = True) -> Json:
    """Return a job as `jobs_u/get` shows it, or None; result, args, logs and code are read apart.

    The status of a flow with thousands of jobs takes a while, so it can be left out.
    """
    connection = db.read()
    job = job_rows.load(connection, job_id)
    if job is None or job.workspace != workspace:
        return None
    shown = _shown(job)
    if with_status and job.is_flow and job.document is not None:
        shown["flow_status"] = flow_status.render(connection, job)
    return shown


def list_jobs(db: Database, workspace: str, filters: JobFilters) -> list[Json]:
    """Return jobs as `jobs/list` shows them, newest first."""
    conditions = [("workspace = ?", [workspace]), *_conditions(filters)]
    text = " AND ".join(condition for condition, _ in conditions)
    values = [value for _, bound in conditions for value in bound]
    order = "ASC" if filters.oldest_first else "DESC"
    skipped = (max(filters.page, 1) - 1) * filters.per_page
    found = job_rows.select(
        db.read(),
        f"{text} ORDER BY created_at {order}, seq {order} LIMIT ? OFFSET ?",
        [*values, filters.per_page, skipped],
    )
    return [_shown(job) for job in found]


def children(db: Database, job_id: str) -> list[Json]:
    """Return the jobs right below a job, oldest first."""
    return [_shown(job) for job in job_rows.select(db.read(), "parent = ? ORDER BY seq", (job_id,))]


def args(db: Database, job_id: str) -> Json:
    """Return a job's arguments, or None."""
    row = db.read().execute("SELECT value FROM job_args WHERE job = ?", (job_id,)).fetchone()
    return None if row is None else json.loads(row[0])


def result(db: Database, job_id: str) -> Json:
    """Return a finished job's result; None also where there is none."""
    text = job_rows.result_text(db.read(), job_id)
    return None if text is None else json.loads(text)


def result_by_id(db: Database, flow_job: str, step_id: str) -> Json:
    """Return what `results.<step_id>` means inside a flow job, while it runs and after."""
    connection = db.read()
    place = results.find(connection, flow_job, step_id) or results.find_below(connection, flow_job, step_id)
    return None if place is None else json.loads(results.text_at(connection, place))


def _conditions(filters: JobFilters) -> Iterator[tuple[str, list[Json]]]:
    simple = {
        "path = ?": filters.path_exact,
        "created_by = ?": filters.created_by,
        "created_at < ?": filters.created_before,
        "created_at > ?": filters.created_after,
        "started_at < ?": filters.started_before,
        "started_at > ?": filters.started_after,
        "completed_at < ?": filters.completed_before,
        "completed_at > ?": filters.completed_after,
        "(state = 'completed' OR scheduled_for <= ?)": filters.due_before,
        "parent = ?": filters.parent,
        "outcome = ?": filters.outcome,
        "tag = ?": filters.tag,
        "schedule_path = ?": filters.schedule_path,
        "EXISTS (SELECT 1 FROM json_each(labels) WHERE value = ?)": filters.label,
        "json_holds((SELECT value FROM job_args WHERE job = job.id), ?)": _text(filters.args),
        "json_holds((SELECT value FROM job_result WHERE job = job.id), ?)": _text(filters.result),
    }
    for condition, value in simple.items():
        if value is not None:
            yield condition, [value]
    if filters.path_start is not None:
        yield "substr(path, 1, ?) = ?", [len(filters.path_start), filters.path_start]
    if filters.kinds:
        yield f"kind IN ({', '.join('?' * len(filters.kinds))})", list(filters.kinds)
    yield from _flags(filters)


def _flags(filters: JobFilters) -> Iterator[tuple[str, list[Json]]]:
    flags = {
        "state = 'running'": filters.running,
        "state = 'completed'": filters.completed,
        "step IS NOT NULL": filters.is_flow_step,
        "parent IS NULL": filters.has_null_parent,
        "state != 'completed' AND suspended > 0": filters.suspended,
    }
    for condition, wanted in flags.items():
        if wanted is not None:
            yield (condition if wanted else f"NOT ({condition})"), []
    if filters.success is not None:
        ways = "('success', 'skipped')" if filters.success else "('failure', 'canceled')"
        yield f"outcome IN {ways}", []


def _text(value: Json) -> str | None:
    return None if value is None else json.dumps(value)


def _shown(job: JobRow) -> dict[str, Json]:
    """Return a row as Windmill shows it; members that it leaves out where they are empty are left out."""
    who = job.identity
    version = f"{int(job.hash):016x}" if job.hash and job.hash.isdigit() and job.is_flow else job.hash
    shown: dict[str, Json] = {
        "type": "CompletedJob" if job.completed else "QueuedJob",
        "workspace_id": job.workspace,
        "id": job.id,
        "created_by": job.created_by,
        "created_at": iso(job.created_at),
        "args": None,
        "canceled": job.outcome == "canceled" or (not job.completed and job.canceled_by is not None),
        "job_kind": job.kind,
        "permissioned_as": who.permissioned_as,
        "is_flow_step": job.step is not None,
        "email": who.email,
        "visible_to_owner": True,
        "tag": job.tag,
        "priority": 0,
        "is_retry": False,
        **(_ended(job) if job.completed else _waiting(job)),
    }
    optional: dict[str, Json] = {
        "parent_job": job.parent,
        "root_job": job.root if job.root != job.id else None,
        "started_at": iso(job.started_at),
        "script_hash": version,
        "script_path": job.path,
        "canceled_by": job.canceled_by,
        "canceled_reason": job.canceled_reason,
        "schedule_path": job.schedule_path,
        "language": job.language,
        "mem_peak": job.memory_kb,
        "flow_step_id": job.step_id,
        "timeout": job.timeout,
        "labels": json.loads(job.labels) if job.labels else None,
        "preprocessed": job.preprocess or None,
        "worker": job.worker or (None if job.for_worker or job.started_at is None else ENGINE),
    }
    return {**shown, **{name: value for name, value in optional.items() if value is not None}}


def _ended(job: JobRow) -> dict[str, Json]:
    began = job.started_at if job.started_at is not None else job.completed_at
    return {
        "completed_at": iso(job.completed_at),
        "duration_ms": ((job.completed_at or 0) - (began or 0)) // 1000,
        "success": job.outcome in ("success", "skipped"),
        "is_skipped": job.outcome == "skipped",
        "result_columns": None,
        "deleted": False,
        "resolved": False,
    }


def _waiting(job: JobRow) -> dict[str, Json]:
    return {
        "running": job.state == "running",
        "scheduled_for": iso(job.scheduled_for),
        "same_worker": False,
        **({"suspend": job.suspended} if job.suspended else {}),
    }
