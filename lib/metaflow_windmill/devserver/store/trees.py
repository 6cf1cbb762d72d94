"""A run with all jobs below it, as small rows: how far each is, and when it really ran."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3


class Twig(NamedTuple):
    """A job in the tree of a run; the columns are described in the first migration."""

    id: str
    parent: str | None
    kind: str
    state: str
    outcome: str | None
    for_worker: bool
    tag: str
    step: int | None
    step_id: str | None
    iteration: int | None
    attempt: int | None
    scheduled_for: int
    created_at: int
    started_at: int | None
    completed_at: int | None

    @property
    def ended(self) -> bool:
        """Tell whether the job has ended."""
        return self.state == "completed"


_COLUMNS = ", ".join(Twig._fields)


def load(connection: sqlite3.Connection, root: str) -> tuple[Twig, ...]:
    """Return the jobs that share a root, each after its parent."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM job WHERE root = ? ORDER BY seq", (root,))  # noqa: S608 - names
    return tuple(Twig(*row) for row in rows)


def tags_waiting(connection: sqlite3.Connection, workspace: str, now: int) -> dict[str, int]:
    """Return how many jobs wait for a worker now, by the tag that the worker has to have."""
    rows = connection.execute(
        "SELECT tag, count(*) FROM job WHERE state = 'queued' AND for_worker = 1 AND workspace = ?"
        " AND scheduled_for <= ? GROUP BY tag",
        (workspace, now),
    )
    return {row[0]: row[1] for row in rows}
