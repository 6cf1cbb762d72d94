"""The thread that starts a run when a schedule is due."""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.catalog import schedules
from metaflow_windmill.devserver.engine.alarm import Alarm
from metaflow_windmill.devserver.model import Actor, Submission
from metaflow_windmill.devserver.store.clock import EPOCH, now
from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow_windmill.devserver.catalog.schedules import Due
    from metaflow_windmill.devserver.model import Catalog
    from metaflow_windmill.devserver.store.database import Database

TICKS = uuid.UUID("6b7c3cd1-5c14-4d51-9c53-6b4f5ce5f0b4")
"""Job ids of ticks are made in this namespace, so that one tick never makes two jobs."""

log = logging.getLogger(__name__)


class Scheduler(Alarm):
    """Starts runs when their schedules are due; `wake` it when a schedule has changed.

    Parameters
    ----------
    database : Database
    catalog : Catalog
    submit : callable
        Takes a job in: the engine's.
    is_live : callable
        Takes a job's id and tells whether the job has not ended yet.
    clock : callable
        Returns the present instant, in microseconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        catalog: Catalog,
        submit: Callable[[Submission], str],
        *,
        is_live: Callable[[str], bool],
        clock: Callable[[], int] = now,
    ) -> None:
        self._database, self._catalog, self._submit = database, catalog, submit
        self._is_live = is_live
        super().__init__(lambda: schedules.next_tick(database.read()), self.run_due, clock)

    def run_due(self) -> None:
        """Start what is due now. A tick that was missed, however many there were, starts one run."""
        instant = self._now()
        for due in schedules.due(self._database.read(), instant):
            try:
                job_id = self._start(due)
            except ServerError as fault:
                log.warning("schedule %s did not start %s: %s", due.path, due.script_path, fault)
                job_id = None
            with self._database.write() as connection:
                schedules.advance(connection, due, job_id, instant)

    def _start(self, due: Due) -> str | None:
        overlaps = due.last_job is not None and self._is_live(due.last_job)
        if overlaps and not due.is_flow:  # a scheduled script never overlaps itself
            return None
        asked = self._submission(due, skipped=overlaps and due.no_flow_overlap)
        if asked is None:
            log.warning("schedule %s: there is nothing to run at %s", due.path, due.script_path)
            return None
        return self._submit(asked)

    def _submission(self, due: Due, *, skipped: bool) -> Submission | None:
        code = None if due.is_flow else self._catalog.script(due.workspace, due.script_path)
        flow = self._catalog.flow(due.workspace, due.script_path) if due.is_flow else None
        if code is None and flow is None:
            return None
        if flow is not None and skipped:  # the run is recorded, and ends at once as skipped
            flow = replace(flow, value={**flow.value, "skip_expr": "true"})
        return Submission(
            kind="flow" if due.is_flow else "script",
            who=Actor(due.username, due.email, due.workspace),
            args=due.args,
            path=due.script_path,
            code=code,
            flow=flow,
            job_id=str(uuid.uuid5(TICKS, f"{due.workspace}:{due.path}:{due.tick}")),
            scheduled_for=EPOCH + timedelta(microseconds=due.tick),
            schedule_path=due.path,
            tag=due.tag,
            created_by=f"schedule-{due.path}",
            labels=flow.labels if flow else (),
        )
