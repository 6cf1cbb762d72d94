"""What ``results.<id>`` means: the map of the flows that share a root, then those of the roots above."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.store import job_rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from metaflow_windmill.devserver.store.flow_rows import ModuleRun
    from metaflow_windmill.types import Json

DEEPEST = 500
"""Levels of flows that are climbed or descended, as Windmill does when it cancels."""


@dataclass(frozen=True)
class ResultLocation:
    """Where a result is kept: one job, or the children of a module in the order of their iterations."""

    job: str | None = None
    flow: str | None = None
    step: int = 0
    attempt: int = 0


def place_of(flow: str, step: int, module: ModuleRun) -> ResultLocation:
    """Return where the result of a module is kept."""
    return (
        ResultLocation(flow=flow, step=step, attempt=module.attempt)
        if module.has_list
        else ResultLocation(job=module.job)
    )


def record(connection: sqlite3.Connection, root: str, flow: str, step: int, module: ModuleRun) -> None:
    """Enter a finished module into the map of its root."""
    connection.execute(
        "INSERT OR REPLACE INTO leaf (root, step_id, flow, step, attempt, job) VALUES (?, ?, ?, ?, ?, ?)",
        (root, module.id, flow, step, module.attempt if module.has_list else None, module.job),
    )


def find(connection: sqlite3.Connection, flow_job: str, step_id: str) -> ResultLocation | None:
    """Return where the result of a step is, seen from inside a flow job; None where no map names it."""
    job = flow_job
    for _ in range(DEEPEST):
        row = connection.execute("SELECT inner_root FROM job WHERE id = ?", (job,)).fetchone()
        if row is None:
            return None
        found = _in_map(connection, row[0], step_id)
        if found is not None:
            return found
        above = connection.execute("SELECT parent FROM job WHERE id = ?", (row[0],)).fetchone()
        if above is None or above[0] is None:
            return None
        job = above[0]
    return None


def _in_map(connection: sqlite3.Connection, root: str, step_id: str) -> ResultLocation | None:
    row = connection.execute(
        "SELECT flow, step, attempt, job FROM leaf WHERE root = ? AND step_id = ?", (root, step_id)
    ).fetchone()
    if row is None:
        return None
    return (
        ResultLocation(job=row[3])
        if row[2] is None
        else ResultLocation(flow=row[0], step=row[1], attempt=row[2])
    )


def find_below(connection: sqlite3.Connection, flow_job: str, step_id: str) -> ResultLocation | None:
    """Return where the result of a step of a finished flow is, searched from the top down."""
    level = [flow_job]
    for _ in range(DEEPEST):
        for job in level:
            row = connection.execute(
                "SELECT step, attempt, shape, job FROM module_run WHERE flow = ? AND id = ?"
                " AND type IN ('Success', 'Failure')",
                (job, step_id),
            ).fetchone()
            if row is not None:
                listed = row[2] in ("loop", "while", "arms")
                return (
                    ResultLocation(flow=job, step=row[0], attempt=row[1])
                    if listed
                    else ResultLocation(job=row[3])
                )
        level = _flows_below(connection, level)
        if not level:
            return None
    return None


def _flows_below(connection: sqlite3.Connection, jobs: Sequence[str]) -> list[str]:
    below: list[str] = []
    for job in jobs:
        rows = connection.execute(
            "SELECT id FROM job WHERE parent = ? AND for_worker = 0 ORDER BY step, iteration", (job,)
        )
        below.extend(row[0] for row in rows)
    return below


def text_at(connection: sqlite3.Connection, place: ResultLocation) -> str:
    """Return the result kept at a place as JSON text; ``null`` where there is none."""
    if place.flow is None:
        text = None if place.job is None else job_rows.result_text(connection, place.job)
        return "null" if text is None else text
    return list_text(connection, place.flow, place.step, place.attempt)


def list_text(connection: sqlite3.Connection, flow: str, step: int, attempt: int) -> str:
    """Return the results of a module's children as the text of a JSON list."""
    rows = connection.execute(
        "SELECT coalesce(job_result.value, 'null') FROM job LEFT JOIN job_result ON job_result.job = job.id"
        " WHERE job.parent = ? AND job.step = ? AND job.attempt = ? ORDER BY job.iteration",
        (flow, step, attempt),
    )
    return "[" + ",".join(row[0] for row in rows) + "]"


def at_path(connection: sqlite3.Connection, place: ResultLocation, path: Sequence[str]) -> Json:
    """Return what stands at a path of keys and indices inside a result; None where nothing does."""
    if place.flow is not None and path:
        child = _child(connection, place, path[0])
        return None if child is None else at_path(connection, ResultLocation(job=child), path[1:])
    return follow(json.loads(text_at(connection, place)), path)


def _child(connection: sqlite3.Connection, place: ResultLocation, index: str) -> str | None:
    if not index.isdigit():
        return None
    row = connection.execute(
        "SELECT id FROM job WHERE parent = ? AND step = ? AND attempt = ? AND iteration = ?",
        (place.flow, place.step, place.attempt, int(index)),
    ).fetchone()
    return None if row is None else row[0]


def follow(value: Json, path: Sequence[str]) -> Json:
    """Walk into a JSON value by keys and indices, as PostgreSQL's ``#>`` does: what is not there is null."""
    for part in path:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value
