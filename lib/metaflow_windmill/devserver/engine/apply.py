"""Writes a plan, in the one transaction that also removes the event it answers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.engine import births
from metaflow_windmill.devserver.engine.births import Parent
from metaflow_windmill.devserver.engine.outcomes import ending_of
from metaflow_windmill.devserver.store import approval_rows, canonical, clock, flow_rows, job_rows, results
from metaflow_windmill.devserver.store.flow_rows import EngineEvent

if TYPE_CHECKING:
    import sqlite3

    from metaflow_windmill.devserver.engine.plan import EventPlan, Finish
    from metaflow_windmill.devserver.store.job_rows import JobRow


SAID_AT_END = {
    "success": "Flow job completed with success\n",
    "failure": "Flow job completed with error\n",
    "canceled": "Flow job canceled\n",
    "skipped": "Flow job stopped early because of a stop early predicate returning true\n",
}


@dataclass
class Effects:
    """Whom a transaction concerns, to be told once it is committed.

    Parameters
    ----------
    changed : set of str
        Jobs, and the roots of their trees.
    roots : set of str
        The trees in which something is to be reacted to.
    ended : list of str
        Jobs that ended.
    said : list of (str, str)
        What goes into the logs of jobs.
    killed : list of str
        Jobs whose processes are to be killed.
    work : bool
        Whether a worker may find something to do.
    later : bool
        Whether something is to begin at a later instant.
    """

    changed: set[str] = field(default_factory=set)
    roots: set[str] = field(default_factory=set)
    ended: list[str] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    work: bool = False
    later: bool = False

    def touch(self, job: JobRow) -> None:
        """Note that a job has changed."""
        self.changed |= {job.id, job.root}

    def born(self, job: JobRow, now: int) -> None:
        """Note that a job is there, which somebody may know already."""
        self.touch(job)
        self.awaits(job, now)

    def awaits(self, job: JobRow, now: int) -> None:
        """Note that a job waits to begin."""
        self.later = self.later or job.scheduled_for > now
        self.work = self.work or job.for_worker
        if not job.for_worker:
            self.roots.add(job.root)


def begin_flow(connection: sqlite3.Connection, job: JobRow) -> None:
    """Mark a flow job as running."""
    connection.execute(
        "UPDATE job SET state = 'running', started_at = ? WHERE id = ? AND state = 'queued'",
        (clock.now(), job.id),
    )


def write(connection: sqlite3.Connection, job: JobRow, plan: EventPlan) -> Effects:
    """Write all that an event changes."""
    effects = Effects()
    effects.touch(job)
    begin_flow(connection, job)
    if plan.args is not None:
        job_rows.set_args(connection, job.id, plan.args)
    if plan.release is not None:
        _release(connection, job, plan, effects)
    if plan.parked is not None:
        approval_rows.park(connection, job.id, plan.parked.missing, plan.parked.until)
        effects.later = True
    _write_children(connection, job, plan, effects)
    for step, module in plan.modules.items():
        flow_rows.save_module(connection, job.id, step, module)
    for step in plan.finished:
        results.record(connection, job.inner_root, job.id, step, plan.modules[step])
    flow_rows.save_flow(connection, job.id, plan.run)
    if plan.finish is not None:
        end_flow(connection, job, plan.finish, effects)
    return effects


def _write_children(connection: sqlite3.Connection, job: JobRow, plan: EventPlan, effects: Effects) -> None:
    step = plan.run.step
    module = plan.modules.get(step)
    if module is None:
        return
    if plan.items is not None:
        texts = [canonical.dump(item) for item in plan.items]
        flow_rows.put_items(connection, job.id, step, module.attempt, texts)
    last = None
    for child in births.children(connection, Parent(job, step, module, plan.scheduled_for), plan.children):
        effects.awaits(child, clock.now())  # Asked after its birth: what begins at once is not due later.
        last = child.id
    if last is not None:
        plan.modules[step] = replace(module, job=job.id if module.parallel else last)


def _release(connection: sqlite3.Connection, job: JobRow, plan: EventPlan, effects: Effects) -> None:
    """Let the next iteration of a loop with ``parallelism`` begin."""
    step = plan.run.step
    waiting = job_rows.select(
        connection,
        "parent = ? AND step = ? AND attempt = ? AND suspended = ? AND state = 'queued'",
        (job.id, step, plan.modules[step].attempt, plan.release),
    )
    for child in waiting:
        connection.execute("UPDATE job SET suspended = 0 WHERE id = ?", (child.id,))
        flow_rows.add_events(connection, [EngineEvent(child.root, child.id)])
        effects.born(child, clock.now())


def end_flow(connection: sqlite3.Connection, job: JobRow, finish: Finish, effects: Effects) -> None:
    """Write a flow job's end and tell its parent."""
    ending = ending_of(finish.outcome, finish.result)
    if job_rows.end(connection, job, ending):
        effects.ended.append(job.id)
        effects.said.append((job.id, SAID_AT_END[finish.outcome]))
        told = EngineEvent(
            job.root,
            job.parent or "",
            job.id,
            success=finish.success,
            stop=finish.stop,
            handled=finish.handled,
            told=finish.told or ending.came,
        )
        tell_parent(connection, job, told, effects)


def tell_parent(connection: sqlite3.Connection, job: JobRow, told: EngineEvent, effects: Effects) -> None:
    """Give the flow that a job is a step of something to react to."""
    effects.touch(job)
    if job.step is not None:
        flow_rows.add_events(connection, [told])
        effects.roots.add(job.root)
