"""The engine: takes jobs in, hands the runnable ones to workers, and carries each flow on when one ends."""

from __future__ import annotations

import logging
import sqlite3
import threading
from functools import partial
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.engine import answering, apply, births, cancel, outcomes
from metaflow_windmill.devserver.engine.alarm import Alarm
from metaflow_windmill.devserver.engine.changes import Changes
from metaflow_windmill.devserver.engine.definitions import Definitions
from metaflow_windmill.devserver.engine.handout import Handout
from metaflow_windmill.devserver.engine.lanes import Lanes
from metaflow_windmill.devserver.engine.stepper import Stepper
from metaflow_windmill.devserver.model import Outcome
from metaflow_windmill.devserver.store import approval_rows, clock, flow_rows, job_rows, queue
from metaflow_windmill.devserver.store.flow_rows import EngineEvent
from metaflow_windmill.errors import MetaflowWindmillError, ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from metaflow_windmill.devserver.engine.apply import Effects
    from metaflow_windmill.devserver.expressions.evaluator import Evaluator
    from metaflow_windmill.devserver.model import Actor, Catalog, RunnableJob, Submission
    from metaflow_windmill.devserver.store.approval_rows import Answer
    from metaflow_windmill.devserver.store.database import Database
    from metaflow_windmill.devserver.store.job_logs import Logs

MOST_RESTARTS = 3
"""How often a job runs again whose worker died."""

PAUSE = 1.0
"""Seconds before something is stored again that could not be: the disk is full, say."""

log = logging.getLogger(__name__)


class Engine:
    """The engine of one server.

    Parameters
    ----------
    database : Database
    catalog : Catalog
        What flows may name by path.
    token_for : callable
        Takes a job's id and an actor, and returns the token that the job acts with.
    evaluator : Evaluator
        Evaluates expressions.
    base_url : str
        Where jobs reach the API: ``BASE_INTERNAL_URL``.
    logs : Logs, optional
        Hides the secrets that jobs are given.
    isolated : bool
        Whether a job sees what it requires and nothing else, so that requirements have to be resolved.
    scoped : bool
        Whether modules say what the tokens of their jobs open, as newer releases of Windmill let them.
    """

    def __init__(
        self,
        database: Database,
        catalog: Catalog,
        token_for: Callable[[str, Actor], str],
        evaluator: Evaluator,
        *,
        base_url: str,
        logs: Logs | None = None,
        isolated: bool = False,
        scoped: bool = False,
    ) -> None:
        self.database, self.isolated, self._catalog = database, isolated, catalog
        self.changes = Changes()
        self._evaluator, self._logs = evaluator, logs
        self._stepper = Stepper(database, catalog, evaluator, Definitions())
        self._handout = Handout(
            database, catalog, token_for, base_url, logs, isolated=isolated, scoped=scoped
        )
        self._kill: Callable[[str], None] = lambda _: None
        self._work = threading.Event()
        self._closing = threading.Event()
        self._lanes = Lanes(self._drain)
        self._alarm = Alarm(self._next_due, self._ring)
        self._alarm.start()

    def on_kill(self, kill: Callable[[str], None]) -> None:
        """Say how the process of a running job is ended."""
        self._kill = kill

    def submit(self, submission: Submission) -> str:
        """Take a job in and return its id; a flow starts to advance at once.

        Raises
        ------
        JobExists
            If the caller chose an id that a job has already.
        InvalidDocument
            If the flow is not a flow value.
        """
        value = births.flow_value(submission)
        effects = apply.Effects()
        with self.database.write() as connection:
            job = births.submit(connection, submission, value)
            effects.born(job, clock.now())
        self._tell(effects)
        return job.id

    def pull(self, worker: str, tags: Sequence[str]) -> RunnableJob | None:
        """Give the next due job with one of the tags to a worker and mark it running; no tags means any."""
        while True:
            job = self._taken(worker, tags)
            if job is None:
                return None
            self._tell_changed(job)
            try:
                return self._handout.runnable(job)
            except MetaflowWindmillError as why:
                error = {"error": {"name": "ExecutionErr", "message": str(why)}}
                self.finish(job.id, Outcome(success=False, result=error))

    def finish(self, job_id: str, outcome: Outcome) -> None:
        """Record how a job ended; a second report of the same job is ignored.

        Where it cannot be stored, because the disk is full, it is tried again until it can.
        """
        self._tell(self._insist(lambda: self._finished(job_id, outcome)))

    def requeue(self, job_id: str) -> None:
        """Queue a job again whose worker died; after the third time it fails."""
        self._tell(self._insist(lambda: self._requeued(job_id)))

    def release(self, job_id: str) -> None:
        """Queue a job again whose worker was stopped on purpose; that counts as no death."""
        with self.database.write() as connection:
            job = job_rows.load(connection, job_id)
            if job is not None:
                queue.put_back(connection, job_id, job.restarts)

    def start_now(self, job_id: str) -> bool:
        """Let a job that waits for its time begin; return whether one did."""
        now, effects = clock.now(), apply.Effects()
        with self.database.write() as connection:
            moved = queue.start_now(connection, job_id, now)
            job = job_rows.load(connection, job_id)
            if moved and job is not None:
                effects.born(job, now)
        self._tell(effects)
        self._alarm.wake()
        return moved

    def cancel(self, job_id: str, by: str, reason: str | None = None) -> bool:
        """Cancel a job and everything below it; return whether there was something to cancel."""
        return self._canceled(job_id, by, reason, by_force=False)

    def force_cancel(self, job_id: str, by: str, reason: str | None = None) -> bool:
        """Cancel the whole tree of a job without waiting for its workers."""
        return self._canceled(job_id, by, reason, by_force=True)

    def answer(self, flow: str, answer: Answer) -> bool:
        """Take what a person says to a flow job that waits; return False where it does not wait."""
        with self.database.write() as connection:
            effects = answering.take(connection, flow, answer)
        if effects is not None:
            self._tell(effects)
        return effects is not None

    def running(self) -> dict[str, str]:
        """Return the jobs that are marked running at workers, each with its worker's name."""
        return queue.running(self.database.read())

    def recover(self) -> None:
        """Continue where the last server stopped; called once, before the workers start."""
        for job_id in self.running():
            self._handout.hide_all(job_id)
        for root in flow_rows.roots_with_events(self.database.read()):
            self._lanes.schedule(root)
        self._alarm.wake()
        self._work.set()

    def wait_for_work(self, timeout: float | None = None) -> bool:
        """Block until a job may have become due; for the one thread that dispatches."""
        came = self._work.wait(timeout)
        self._work.clear()
        return came

    def settle(self, timeout: float | None = None) -> bool:
        """Block until every flow has reacted to all that has happened; return False if that took longer."""
        return self._lanes.settle(timeout)

    def close(self) -> None:
        """Stop advancing flows; the next server goes on."""
        self._closing.set()
        self._lanes.stop()
        self._evaluator.close()
        self._alarm.stop()
        self._lanes.close()

    def _taken(self, worker: str, tags: Sequence[str]) -> job_rows.JobRow | None:
        now = clock.now()
        if not queue.is_waiting(self.database.read(), now):
            return None
        try:
            with self.database.write() as connection:
                return queue.take(connection, worker, tags, now)
        except ServerError as fault:
            log.warning("no job can be given out: %s", fault)
            self._closing.wait(PAUSE)
            return None

    def _finished(self, job_id: str, outcome: Outcome) -> Effects:
        effects = apply.Effects()
        with self.database.write() as connection:
            job = job_rows.load(connection, job_id)
            if job is not None and not job.completed:
                ending = outcomes.ending(job, outcome)
                if outcome.args is not None:
                    job_rows.set_args(connection, job_id, outcome.args)
                job_rows.end(connection, job, ending)
                if job.kind in births.DEPENDENCIES and outcome.success:
                    locks = outcome.result["locks"]
                    self._catalog.keep_locks(connection, job.workspace, job.hash or "", locks)
                effects.ended.append(job_id)
                good = ending.outcome in ("success", "skipped")
                told = EngineEvent(job.root, job.parent or "", job_id, success=good, told=ending.came)
                apply.tell_parent(connection, job, told, effects)
        return effects

    def _requeued(self, job_id: str) -> Effects:
        job = job_rows.load(self.database.read(), job_id)
        if job is None or job.completed:
            return apply.Effects()
        if job.restarts >= MOST_RESTARTS or job.canceled_by is not None:
            result = outcomes.lost(job, job.restarts)
            return self._finished(job_id, Outcome(success=False, result=result))
        effects = apply.Effects()
        with self.database.write() as connection:
            queue.put_back(connection, job_id, job.restarts + 1)
            effects.born(job, clock.now())
        return effects

    def _canceled(self, job_id: str, by: str, reason: str | None, *, by_force: bool) -> bool:
        act = cancel.by_force if by_force else cancel.softly
        with self.database.write() as connection:
            job = job_rows.load(connection, job_id)
            if job is None or job.completed:
                return False
            effects = act(connection, job, by, reason)
        self._tell(effects)
        return True

    def _drain(self, root: str) -> None:
        """React to all that is noted for a tree of jobs."""
        while not self._closing.is_set():
            event = flow_rows.next_event(self.database.read(), root)
            if event is None:
                return
            self._tell(self._insist(partial(self._stepper.react, event)))

    def _ring(self) -> None:
        """Begin what has become due."""
        now = clock.now()
        effects = apply.Effects(work=queue.is_waiting(self.database.read(), now))
        if queue.engine_due(self.database.read(), now):
            with self.database.write() as connection:
                due = queue.engine_due(connection, now)
                flow_rows.add_events(connection, [EngineEvent(job.root, job.id) for job in due])
            effects.roots |= {job.root for job in due}
        if approval_rows.timed_out(self.database.read(), now):
            with self.database.write() as connection:
                effects.roots |= answering.give_up(connection, now).roots
        self._tell(effects)

    def _next_due(self) -> int | None:
        reading = self.database.read()
        instants = (queue.next_due(reading, clock.now()), approval_rows.next_end(reading))
        return min((instant for instant in instants if instant is not None), default=None)

    def _insist(self, store: Callable[[], Effects]) -> Effects:
        """Store something; where that is impossible now, again until it is possible or the server ends."""
        while True:
            try:
                return store()
            except (ServerError, sqlite3.OperationalError) as fault:  # noqa: PERF203 - a wait of a second is the point of this loop
                if self._closing.wait(PAUSE):
                    raise
                log.warning("waiting to store what happened: %s", fault)

    def _tell(self, effects: Effects) -> None:
        """Tell everyone whom a transaction concerns, now that it is committed."""
        for root in effects.roots:
            self._lanes.schedule(root)
        if effects.work:
            self._work.set()
        if effects.later:
            self._alarm.wake()
        for job_id in effects.killed:
            self._kill(job_id)
        if effects.ended:
            self._close_logs(effects)
        self.changes.publish(effects.changed)

    def _tell_changed(self, job: job_rows.JobRow) -> None:
        self.changes.publish((job.id, job.root))

    def _close_logs(self, effects: Effects) -> None:
        if self._logs is None:
            return
        try:
            for job_id, text in effects.said:
                self._logs.append(job_id, text)
            for job_id in effects.ended:
                self._logs.seal(job_id)
        except OSError as fault:
            log.warning("a log could not be finished: %s", fault)
