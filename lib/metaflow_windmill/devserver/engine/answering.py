"""Flows that wait for people: an answer comes, or the time is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.engine.apply import Effects
from metaflow_windmill.devserver.store import approval_rows, flow_rows, job_rows
from metaflow_windmill.devserver.store.flow_rows import EngineEvent

if TYPE_CHECKING:
    import sqlite3

    from metaflow_windmill.devserver.store.approval_rows import Answer


def waits(connection: sqlite3.Connection, flow: str) -> flow_rows.ModuleRun | None:
    """Return the module of a flow job that waits for people, or None."""
    job = job_rows.load(connection, flow)
    if job is None or job.completed or not job.is_flow:
        return None
    module = flow_rows.load_module(connection, flow, flow_rows.load_flow(connection, flow).step)
    return module if module is not None and module.waits else None


def take(connection: sqlite3.Connection, flow: str, answer: Answer) -> Effects | None:
    """Take what a person says to a flow job; return None where it does not wait for anybody."""
    job, module = job_rows.load(connection, flow), waits(connection, flow)
    if job is None or module is None:
        return None
    approval_rows.add(connection, flow, module.job or "", answer)
    effects = Effects()
    effects.touch(job)
    if not answer.approved or approval_rows.count_down(connection, flow):
        _wake(connection, job, effects)
    return effects


def give_up(connection: sqlite3.Connection, now: int) -> Effects:
    """Wake the flows that have waited long enough."""
    effects = Effects()
    for job in approval_rows.timed_out(connection, now):
        _wake(connection, job, effects)
    return effects


def _wake(connection: sqlite3.Connection, job: job_rows.JobRow, effects: Effects) -> None:
    if approval_rows.wake(connection, job.id):
        flow_rows.add_events(connection, [EngineEvent(job.root, job.id)])
        effects.roots.add(job.root)
