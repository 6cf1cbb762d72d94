"""The rows of jobs: read, written, ended."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.model import Actor
from metaflow_windmill.devserver.store import canonical

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class JobRow:
    """A job's row; the columns are described in the first migration."""

    id: str
    workspace: str
    kind: str
    state: str
    for_worker: bool
    tag: str
    who: str
    created_by: str
    created_at: int
    scheduled_for: int
    root: str
    inner_root: str
    path: str | None = None
    hash: str | None = None
    outcome: str | None = None
    document: str | None = None
    details: str | None = None
    language: str | None = None
    timeout: int | None = None
    started_at: int | None = None
    completed_at: int | None = None
    schedule_path: str | None = None
    labels: str | None = None
    parent: str | None = None
    step: int | None = None
    step_id: str | None = None
    iteration: int | None = None
    attempt: int | None = None
    preprocess: bool = False
    pre_run_error: str | None = None
    suspended: int = 0
    canceled_by: str | None = None
    canceled_reason: str | None = None
    worker: str | None = None
    restarts: int = 0
    memory_kb: int | None = None
    suspend_until: int | None = None

    @property
    def identity(self) -> Actor:
        """Return who the job acts for."""
        return read_identity(self.who)

    @property
    def completed(self) -> bool:
        """Tell whether the job has ended."""
        return self.state == "completed"

    @property
    def is_flow(self) -> bool:
        """Tell whether the job is a flow, or a part of one that holds modules."""
        return not self.for_worker and self.kind.startswith("flow")


COLUMNS = tuple(field.name for field in fields(JobRow))
_INSERT = f"INSERT INTO job ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - names of fields
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM job"  # noqa: S608 - names of fields


def write_identity(who: Actor) -> str:
    """Write an identity into its column."""
    return json.dumps(asdict(who))


def read_identity(text: str) -> Actor:
    """Read an identity from its column."""
    said = json.loads(text)
    scopes = said.pop("scopes")
    return Actor(**said, scopes=None if scopes is None else tuple(scopes))


def put_document(connection: sqlite3.Connection, text: str) -> str:
    """Keep a text once and return its id."""
    key = hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()
    connection.execute("INSERT OR IGNORE INTO document (id, text) VALUES (?, ?)", (key, text))
    return key


def get_document(connection: sqlite3.Connection, key: str) -> str:
    """Return the text with an id."""
    text: str = connection.execute("SELECT text FROM document WHERE id = ?", (key,)).fetchone()[0]
    return text


def _job(row: sqlite3.Row) -> JobRow:
    """Return a row as a job; SQLite has no truth values of its own."""
    columns = dict(zip(COLUMNS, row, strict=True))
    for name in ("for_worker", "preprocess"):
        columns[name] = bool(columns[name])
    return JobRow(**columns)


def load(connection: sqlite3.Connection, job_id: str) -> JobRow | None:
    """Return a job, or None."""
    row = connection.execute(f"{_SELECT} WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else _job(row)


def select(connection: sqlite3.Connection, condition: str, values: Sequence[Json]) -> list[JobRow]:
    """Return the jobs that fulfil an SQL condition (with its order and limit)."""
    return [_job(row) for row in connection.execute(f"{_SELECT} WHERE {condition}", values)]


def insert(connection: sqlite3.Connection, jobs: Iterable[tuple[JobRow, str]]) -> None:
    """Insert jobs, each with its arguments as JSON text."""
    pairs = list(jobs)
    connection.executemany(_INSERT, [[getattr(job, name) for name in COLUMNS] for job, _ in pairs])
    connection.executemany(
        "INSERT INTO job_args (job, value) VALUES (?, ?)", [(job.id, args) for job, args in pairs]
    )


@dataclass(frozen=True)
class JobEnding:
    """How a job ended, as its row keeps it.

    Parameters
    ----------
    outcome : str
        ``success``, ``failure``, ``canceled`` or ``skipped``.
    result : str
        JSON text.
    at : int
        Microseconds since 1970.
    came : str or None
        The result as the job wrote it, where that is not how it is kept.
    """

    outcome: str
    result: str
    at: int
    came: str | None = None
    memory_kb: int | None = None
    labels: tuple[str, ...] = ()
    canceled_by: str | None = None
    canceled_reason: str | None = None


def end(connection: sqlite3.Connection, job: JobRow, ending: JobEnding) -> bool:
    """Write a job's end; return False, and change nothing, where it has ended before."""
    labels = merged_labels(job.labels, ending.labels)
    changed = connection.execute(
        "UPDATE job SET state = 'completed', outcome = ?, completed_at = ?, memory_kb = ?, labels = ?,"
        " started_at = coalesce(started_at, ?), canceled_by = coalesce(?, canceled_by),"
        " canceled_reason = coalesce(?, canceled_reason) WHERE id = ? AND state != 'completed'",
        (
            ending.outcome,
            ending.at,
            ending.memory_kb,
            labels,
            ending.at,
            ending.canceled_by,
            ending.canceled_reason,
            job.id,
        ),
    )
    if changed.rowcount == 0:
        return False
    connection.execute("INSERT INTO job_result (job, value) VALUES (?, ?)", (job.id, ending.result))
    return True


def merged_labels(there: str | None, more: Sequence[str]) -> str | None:
    """Return a column of labels with more of them, each once, in order."""
    labels = list(dict.fromkeys([*(json.loads(there) if there else []), *more]))
    return json.dumps(labels, ensure_ascii=False) if labels else None


def args_text(connection: sqlite3.Connection, job_id: str) -> str:
    """Return a job's arguments as JSON text."""
    row = connection.execute("SELECT value FROM job_args WHERE job = ?", (job_id,)).fetchone()
    return "{}" if row is None else row[0]


def result_text(connection: sqlite3.Connection, job_id: str) -> str | None:
    """Return a finished job's result as JSON text, or None."""
    row = connection.execute("SELECT value FROM job_result WHERE job = ?", (job_id,)).fetchone()
    return None if row is None else row[0]


def succeeded(connection: sqlite3.Connection, job_id: str) -> bool:
    """Tell whether a job has ended well."""
    row = connection.execute("SELECT outcome FROM job WHERE id = ?", (job_id,)).fetchone()
    return row is not None and row[0] == "success"


def failure_text(connection: sqlite3.Connection, job_id: str | None) -> str | None:
    """Return why a job failed; None where it did not, or has not ended."""
    row = connection.execute(
        "SELECT value FROM job_result JOIN job ON job.id = job_result.job"
        " WHERE job.id = ? AND outcome IN ('failure', 'canceled')",
        (job_id or "",),
    ).fetchone()
    return None if row is None else json.loads(row[0])["error"]["message"]


def set_args(connection: sqlite3.Connection, job_id: str, args: Json) -> None:
    """Replace a job's arguments: what a preprocessor made of them."""
    connection.execute("UPDATE job_args SET value = ? WHERE job = ?", (canonical.dump(args), job_id))
