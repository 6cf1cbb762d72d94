"""What people said to flows that wait for them, and which flows wait."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.store import canonical, job_rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from metaflow_windmill.devserver.store.job_rows import JobRow
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class Answer:
    """What one person said."""

    approved: bool
    value: Json = None
    approver: str | None = None
    resume_id: int = 0


def add(connection: sqlite3.Connection, flow: str, job: str, answer: Answer) -> None:
    """Keep an answer to a module that waits, given by its job."""
    connection.execute(
        "INSERT INTO approval (flow, job, resume_id, value, approver, approved) VALUES (?, ?, ?, ?, ?, ?)",
        (flow, job, secrets.randbits(16), canonical.dump(answer.value), answer.approver, answer.approved),
    )


def of_job(connection: sqlite3.Connection, job: str) -> list[Answer]:
    """Return what was said to the module of a job, the first word first."""
    rows = connection.execute(
        "SELECT approved, value, approver, resume_id FROM approval WHERE job = ? ORDER BY seq", (job,)
    )
    return [Answer(bool(row[0]), json.loads(row[1]), row[2], row[3]) for row in rows]


def park(connection: sqlite3.Connection, flow: str, missing: int, until: int) -> None:
    """Have a flow wait for some answers, until an instant."""
    connection.execute("UPDATE job SET suspended = ?, suspend_until = ? WHERE id = ?", (missing, until, flow))


def wake(connection: sqlite3.Connection, flow: str) -> bool:
    """Have a flow wait no longer; return False where it did not."""
    changed = connection.execute(
        "UPDATE job SET suspended = 0, suspend_until = NULL WHERE id = ? AND suspend_until IS NOT NULL",
        (flow,),
    )
    return changed.rowcount == 1


def count_down(connection: sqlite3.Connection, flow: str) -> bool:
    """Count an approval; return whether it is the last that the flow waits for."""
    connection.execute("UPDATE job SET suspended = suspended - 1 WHERE id = ? AND suspended > 0", (flow,))
    row = connection.execute(
        "SELECT suspended FROM job WHERE id = ? AND suspend_until IS NOT NULL", (flow,)
    ).fetchone()
    return row is not None and row[0] == 0


def timed_out(connection: sqlite3.Connection, now: int) -> Sequence[JobRow]:
    """Return the flows that have waited long enough."""
    return job_rows.select(connection, "suspend_until <= ? ORDER BY suspend_until, seq", (now,))


def next_end(connection: sqlite3.Connection) -> int | None:
    """Return the next instant at which a flow has waited long enough, or None."""
    instant: int | None = connection.execute("SELECT min(suspend_until) FROM job").fetchone()[0]
    return instant


def waiting(connection: sqlite3.Connection, root: str) -> Sequence[JobRow]:
    """Return the flow jobs of a tree that wait for answers, the oldest first."""
    return job_rows.select(
        connection, "root = ? AND state != 'completed' AND suspend_until IS NOT NULL ORDER BY seq", (root,)
    )
