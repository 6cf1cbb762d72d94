"""Canceling a job and everything below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.engine.apply import Effects, tell_parent
from metaflow_windmill.devserver.engine.conclude import canceled
from metaflow_windmill.devserver.store import approval_rows, canonical, clock, flow_rows, job_rows, queue
from metaflow_windmill.devserver.store.flow_rows import EngineEvent
from metaflow_windmill.devserver.store.job_rows import JobEnding

if TYPE_CHECKING:
    import sqlite3

    from metaflow_windmill.devserver.store.job_rows import JobRow


def softly(connection: sqlite3.Connection, job: JobRow, by: str, reason: str | None) -> Effects:
    """Cancel a tree of jobs: what waits ends now, what runs is killed, and each flow ends after its steps."""
    effects = Effects()
    for live in queue.live_tree(connection, job.id):
        connection.execute(
            "UPDATE job SET canceled_by = ?, canceled_reason = ? WHERE id = ? AND canceled_by IS NULL",
            (by, reason, live.id),
        )
        effects.touch(live)
        if live.is_flow:
            _wake_flow(connection, live, effects)
        elif live.state == "running":
            effects.killed.append(live.id)
        else:
            _end(connection, live, by, reason, effects)
            told = EngineEvent(live.root, live.parent or "", live.id, success=False)
            tell_parent(connection, live, told, effects)
    return effects


def by_force(connection: sqlite3.Connection, job: JobRow, by: str, reason: str | None) -> Effects:
    """End a whole tree of jobs as canceled, from the top, now."""
    effects = Effects()
    for live in queue.live_tree(connection, queue.top_of(connection, job).id):
        if live.state == "running" and live.for_worker:
            effects.killed.append(live.id)
        _end(connection, live, by, reason, effects)
        connection.execute("DELETE FROM event WHERE flow = ?", (live.id,))
    return effects


def _wake_flow(connection: sqlite3.Connection, flow: JobRow, effects: Effects) -> None:
    """Let a flow that has not begun, or waits for people, notice that it never will go on."""
    if flow.state == "queued" or approval_rows.wake(connection, flow.id):
        pending = connection.execute("SELECT 1 FROM event WHERE flow = ?", (flow.id,)).fetchone()
        if pending is None:
            flow_rows.add_events(connection, [EngineEvent(flow.root, flow.id)])
    effects.roots.add(flow.root)


def _end(connection: sqlite3.Connection, job: JobRow, by: str, reason: str | None, effects: Effects) -> None:
    result = canonical.dump(canceled(by, reason))
    ending = JobEnding("canceled", result, clock.now(), canceled_by=by, canceled_reason=reason)
    if job_rows.end(connection, job, ending):
        effects.ended.append(job.id)
    effects.touch(job)
