"""One reaction: reads what there is, plans, and writes the plan."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.engine import apply, births
from metaflow_windmill.devserver.engine.advance import Advance
from metaflow_windmill.devserver.engine.plan import Broken, EventPlan, Finish, FlowState, ModuleEnd
from metaflow_windmill.devserver.engine.scope import Scope
from metaflow_windmill.devserver.expressions.evaluator import ExpressionError
from metaflow_windmill.devserver.store import flow_rows, job_rows
from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    import sqlite3

    from metaflow_windmill.devserver.engine.apply import Effects
    from metaflow_windmill.devserver.engine.definitions import Definitions
    from metaflow_windmill.devserver.expressions.evaluator import Evaluator
    from metaflow_windmill.devserver.model import Catalog
    from metaflow_windmill.devserver.store.database import Database
    from metaflow_windmill.devserver.store.flow_rows import EngineEvent
    from metaflow_windmill.devserver.store.job_rows import JobRow

log = logging.getLogger(__name__)


class Stepper:
    """Reacts to events, one at a time for each tree of jobs.

    Parameters
    ----------
    database : Database
    catalog : Catalog
    evaluator : Evaluator
    definitions : Definitions
    """

    def __init__(
        self, database: Database, catalog: Catalog, evaluator: Evaluator, definitions: Definitions
    ) -> None:
        self._database, self._catalog = database, catalog
        self._evaluator, self._definitions = evaluator, definitions

    def react(self, event: EngineEvent) -> Effects:
        """Do all that an event asks for, or nothing where it is out of date."""
        reading = self._database.read()
        job = job_rows.load(reading, event.flow)
        if job is None or job.completed:
            return self._dropped(event)
        if not job.is_flow:
            return self._identity(event, job)
        plan = self._planned(reading, event, job)
        with self._database.write() as connection:
            now = job_rows.load(connection, job.id)
            if now is None or now.completed:
                flow_rows.take_event(connection, event)
                return apply.Effects()
            if now.canceled_by != job.canceled_by:
                return apply.Effects(roots={job.root})  # The plan does not know of the cancel: plan again.
            if not flow_rows.take_event(connection, event):
                return apply.Effects()
            return apply.write(connection, job, plan)

    def _planned(self, reading: sqlite3.Connection, event: EngineEvent, job: JobRow) -> EventPlan:
        """Plan; a fault of the engine itself fails the flow instead of stopping it for ever."""
        run = flow_rows.load_flow(reading, job.id)
        try:
            flow = FlowState(job, self._definitions.get(reading, job.document or ""), run)
            scope = Scope(reading, job, self._definitions, self._evaluator, self._catalog)
            advance = Advance(flow, scope, self._catalog)
            if event.child is not None:
                return advance.after(ended(reading, event))
            module = scope.module(run.step)
            return advance.woken(module) if module is not None and module.waits else advance.start()
        except Exception as fault:
            if isinstance(fault, ServerError) and not isinstance(fault, (Broken, ExpressionError)):
                raise
            log.exception("flow %s cannot go on", job.id)
            error = {"error": {"name": "InternalErr", "message": f"{type(fault).__name__}: {fault}"}}
            return EventPlan(run, finish=Finish("failure", error, success=False))

    def _identity(self, event: EngineEvent, job: JobRow) -> Effects:
        """End a small step of the engine's own that had been put off."""
        effects = apply.Effects()
        with self._database.write() as connection:
            if flow_rows.take_event(connection, event):
                args = json.loads(job_rows.args_text(connection, job.id))
                told = births.end_identity(connection, job, args.get("previous_result"))
                effects.ended.append(job.id)
                apply.tell_parent(connection, job, told, effects)
        return effects

    def _dropped(self, event: EngineEvent) -> Effects:
        with self._database.write() as connection:
            flow_rows.take_event(connection, event)
        return apply.Effects()


def ended(connection: sqlite3.Connection, event: EngineEvent) -> ModuleEnd:
    """Return what the end of a child brings to its flow."""
    child = job_rows.load(connection, event.child or "")
    text = event.told or job_rows.result_text(connection, event.child or "")
    return ModuleEnd(
        child=event.child,
        success=event.success,
        result=None if text is None else json.loads(text),
        stop=event.stop,
        handled=event.handled,
        own_success=child is not None and child.outcome in ("success", "skipped"),
        identity=child is not None and child.kind == "identity",
        iteration=child.iteration if child else None,
    )
