"""The rows of flows: where each stands, what its modules became, and what it has still to react to."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from metaflow_windmill.types import Json

Shape = Literal["leaf", "choice", "loop", "while", "arms"]
DEFAULT_BRANCH = -1


@dataclass(frozen=True)
class FlowRun:
    """Where a flow job stands: the step, and the failures of the module that is being retried."""

    step: int = 0
    fail_count: int = 0
    failed_jobs: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModuleRun:
    """What one module of a flow job became; the columns are described in the first migration."""

    id: str
    type: str = "WaitingForPriorSteps"
    job: str | None = None
    shape: Shape = "leaf"
    parallel: bool = False
    attempt: int = 0
    branch: int | None = None
    total: int | None = None
    started: int = 0
    done: int = 0
    failed: int = 0
    failed_retries: tuple[str, ...] = ()
    skipped: bool = False
    parent_module: str | None = None

    @property
    def has_list(self) -> bool:
        """Tell whether the module's result is the list of its children's."""
        return self.shape in ("loop", "while", "arms")

    @property
    def waits(self) -> bool:
        """Tell whether the module waits for people to answer; `total` says how many."""
        return self.type == "WaitingForEvents"

    @property
    def in_progress(self) -> bool:
        """Tell whether children of the module run or are still to run."""
        return self.type == "InProgress"


@dataclass(frozen=True)
class EngineEvent:
    """Something that a job run by the engine has to react to.

    Parameters
    ----------
    flow : str
        The job.
    child : str or None
        Which child ended; None where the job itself is to begin.
    success : bool
        What the child tells its parent: for a flow that ended in its failure module, not its own outcome.
    stop : bool or None
        Where the child stopped early: whether as skipped.
    handled : bool
        Whether a failure module below has answered the failure.
    told : str or None
        JSON text that the parent is told in place of the child's own result.
    """

    root: str
    flow: str
    child: str | None = None
    success: bool = True
    stop: bool | None = None
    handled: bool = False
    told: str | None = None
    seq: int = 0


def insert_flow(connection: sqlite3.Connection, job_ids: Iterable[str], step: int = 0) -> None:
    """Begin to keep where flow jobs stand."""
    connection.executemany("INSERT INTO flow_run (job, step) VALUES (?, ?)", [(job, step) for job in job_ids])


def load_flow(connection: sqlite3.Connection, job_id: str) -> FlowRun:
    """Return where a flow job stands."""
    row = connection.execute(
        "SELECT step, fail_count, failed_jobs FROM flow_run WHERE job = ?", (job_id,)
    ).fetchone()
    return FlowRun(row[0], row[1], tuple(json.loads(row[2])))


def save_flow(connection: sqlite3.Connection, job_id: str, flow: FlowRun) -> None:
    """Write where a flow job stands."""
    connection.execute(
        "UPDATE flow_run SET step = ?, fail_count = ?, failed_jobs = ? WHERE job = ?",
        (flow.step, flow.fail_count, json.dumps(flow.failed_jobs), job_id),
    )


_COLUMNS = tuple(field.name for field in fields(ModuleRun))
_MODULE = ", ".join(_COLUMNS)


def _module(row: sqlite3.Row) -> ModuleRun:
    """Return a row as a module; SQLite has neither truth values nor lists."""
    columns = dict(zip(_COLUMNS, row, strict=False))
    for name in ("parallel", "skipped"):
        columns[name] = bool(columns[name])
    return ModuleRun(**{**columns, "failed_retries": tuple(json.loads(columns["failed_retries"]))})


def load_modules(connection: sqlite3.Connection, job_id: str) -> dict[int, ModuleRun]:
    """Return the modules of a flow job that have begun, by step."""
    rows = connection.execute(f"SELECT {_MODULE}, step FROM module_run WHERE flow = ?", (job_id,))  # noqa: S608 - names
    return {row["step"]: _module(row) for row in rows}


def load_module(connection: sqlite3.Connection, job_id: str, step: int) -> ModuleRun | None:
    """Return one module of a flow job, or None where it has not begun."""
    row = connection.execute(
        f"SELECT {_MODULE} FROM module_run WHERE flow = ? AND step = ?",  # noqa: S608 - names
        (job_id, step),
    ).fetchone()
    return None if row is None else _module(row)


def find_finished(connection: sqlite3.Connection, job_id: str, name: str) -> tuple[int, ModuleRun] | None:
    """Return a finished module of a flow job by its id, with its step; None where there is none."""
    row = connection.execute(
        f"SELECT {_MODULE}, step FROM module_run WHERE flow = ? AND id = ? AND step >= 0"  # noqa: S608 - names
        " AND type IN ('Success', 'Failure')",
        (job_id, name),
    ).fetchone()
    return None if row is None else (row["step"], _module(row))


def save_module(connection: sqlite3.Connection, job_id: str, step: int, module: ModuleRun) -> None:
    """Write what a module became."""
    columns = {**vars(module), "failed_retries": json.dumps(module.failed_retries)}
    places = ", ?" * len(columns)
    connection.execute(
        f"INSERT OR REPLACE INTO module_run (flow, step, {', '.join(columns)}) VALUES (?, ?{places})",  # noqa: S608 - names
        (job_id, step, *columns.values()),
    )


def put_items(
    connection: sqlite3.Connection, job_id: str, step: int, attempt: int, items: Sequence[str]
) -> None:
    """Keep what a sequential loop goes through, each item as JSON text."""
    connection.executemany(
        "INSERT OR REPLACE INTO loop_item (flow, step, attempt, position, value) VALUES (?, ?, ?, ?, ?)",
        [(job_id, step, attempt, position, item) for position, item in enumerate(items)],
    )


def item(connection: sqlite3.Connection, job_id: str, step: int, attempt: int, position: int) -> Json:
    """Return one item of a sequential loop."""
    row = connection.execute(
        "SELECT value FROM loop_item WHERE flow = ? AND step = ? AND attempt = ? AND position = ?",
        (job_id, step, attempt, position),
    ).fetchone()
    return json.loads(row[0])


def add_events(connection: sqlite3.Connection, events: Iterable[EngineEvent]) -> None:
    """Note what jobs have to react to."""
    connection.executemany(
        "INSERT INTO event (root, flow, child, success, stop, handled, told) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(e.root, e.flow, e.child, e.success, e.stop, e.handled, e.told) for e in events],
    )


def next_event(connection: sqlite3.Connection, root: str) -> EngineEvent | None:
    """Return the oldest event of a tree of jobs, or None."""
    row = connection.execute(
        "SELECT flow, child, success, stop, handled, told, seq FROM event"
        " WHERE root = ? ORDER BY seq LIMIT 1",
        (root,),
    ).fetchone()
    if row is None:
        return None
    stop = None if row[3] is None else bool(row[3])
    success, handled = bool(row[2]), bool(row[4])
    return EngineEvent(
        root, row[0], row[1], success=success, stop=stop, handled=handled, told=row[5], seq=row[6]
    )


def take_event(connection: sqlite3.Connection, event: EngineEvent) -> bool:
    """Remove an event; return False where somebody else has."""
    return connection.execute("DELETE FROM event WHERE seq = ?", (event.seq,)).rowcount == 1


def roots_with_events(connection: sqlite3.Connection) -> list[str]:
    """Return the roots of the trees in which something is still to be reacted to."""
    return [row[0] for row in connection.execute("SELECT DISTINCT root FROM event")]
