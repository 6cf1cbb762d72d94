"""The queue: which job is next, which are running, which become due later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.store import job_rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from metaflow_windmill.devserver.store.job_rows import JobRow

_WAITS = "state = 'queued' AND for_worker = 1 AND scheduled_for <= ?"
_ENGINE_DUE = (
    "state = 'queued' AND for_worker = 0 AND suspended = 0 AND scheduled_for <= ?"
    " AND NOT EXISTS (SELECT 1 FROM event WHERE event.flow = job.id)"
)


def take(connection: sqlite3.Connection, worker: str, tags: Sequence[str], now: int) -> JobRow | None:
    """Give the next due job to a worker and mark it running; no tags means any."""
    of_tags = f" AND tag IN ({', '.join('?' * len(tags))})" if tags else ""
    found = job_rows.select(
        connection, f"{_WAITS}{of_tags} ORDER BY scheduled_for, seq LIMIT 1", (now, *tags)
    )
    if not found:
        return None
    connection.execute(
        "UPDATE job SET state = 'running', worker = ?, started_at = ? WHERE id = ?",
        (worker, now, found[0].id),
    )
    return found[0]


def is_waiting(connection: sqlite3.Connection, now: int) -> bool:
    """Tell whether a job waits for a worker."""
    found = connection.execute(f"SELECT 1 FROM job WHERE {_WAITS} LIMIT 1", (now,))  # noqa: S608 - a constant
    return found.fetchone() is not None


def start_now(connection: sqlite3.Connection, job_id: str, now: int) -> bool:
    """Let a queued job that waits for its time begin; return False where none does."""
    changed = connection.execute(
        "UPDATE job SET scheduled_for = ? WHERE id = ? AND state = 'queued' AND scheduled_for > ?",
        (now, job_id, now),
    )
    return changed.rowcount == 1


def put_back(connection: sqlite3.Connection, job_id: str, restarts: int) -> bool:
    """Queue a running job again; return False where it is not running."""
    changed = connection.execute(
        "UPDATE job SET state = 'queued', worker = NULL, started_at = NULL, restarts = ?"
        " WHERE id = ? AND state = 'running'",
        (restarts, job_id),
    )
    return changed.rowcount == 1


def running(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the jobs that are running at workers, each with its worker's name."""
    rows = connection.execute("SELECT id, worker FROM job WHERE state = 'running' AND for_worker = 1")
    return {row[0]: row[1] for row in rows}


def engine_due(connection: sqlite3.Connection, now: int) -> list[JobRow]:
    """Return the flows and identities that are to begin now, and of which no event says so yet."""
    return job_rows.select(connection, f"{_ENGINE_DUE} ORDER BY scheduled_for, seq", (now,))


def next_due(connection: sqlite3.Connection, now: int) -> int | None:
    """Return the next later instant at which a queued job becomes due, or None."""
    row = connection.execute(
        "SELECT min(instant) FROM (SELECT min(scheduled_for) AS instant FROM job"
        " WHERE state = 'queued' AND for_worker = 1 AND scheduled_for > :now"
        " UNION ALL SELECT min(scheduled_for) FROM job"
        " WHERE state = 'queued' AND for_worker = 0 AND suspended = 0 AND scheduled_for > :now)",
        {"now": now},
    ).fetchone()
    instant: int | None = row[0]
    return instant


def live_tree(connection: sqlite3.Connection, job_id: str) -> list[JobRow]:
    """Return a job and all below it that have not ended, from the top down."""
    return job_rows.select(
        connection,
        "state != 'completed' AND id IN (WITH RECURSIVE tree (id) AS (SELECT ? UNION"
        " SELECT job.id FROM job JOIN tree ON job.parent = tree.id WHERE job.state != 'completed')"
        " SELECT id FROM tree) ORDER BY seq",
        (job_id,),
    )


def top_of(connection: sqlite3.Connection, job: JobRow) -> JobRow:
    """Return the highest job above that has not ended, or the job itself."""
    while job.parent is not None:
        above = job_rows.load(connection, job.parent)
        if above is None or above.completed:
            break
        job = above
    return job
