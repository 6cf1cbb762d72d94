"""The state machine: from an event to the plan of all that it changes.

It reads, and it evaluates expressions, but it writes nothing: the plan is written in one transaction that
also removes the event, so a server that is killed at any instant does each step once and only once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.engine.begin import Beginning, Settled, Waits
from metaflow_windmill.devserver.engine.conclude import canceled, conclude
from metaflow_windmill.devserver.engine.plan import (
    PREPROCESSOR,
    Broken,
    EventPlan,
    Finish,
    FlowState,
    ModuleEnd,
)
from metaflow_windmill.devserver.engine.unread import known
from metaflow_windmill.devserver.expressions.evaluator import ExpressionError
from metaflow_windmill.devserver.store import canonical, clock
from metaflow_windmill.devserver.store.flow_rows import ModuleRun

if TYPE_CHECKING:
    from metaflow_windmill.devserver.engine.conclude import Verdict
    from metaflow_windmill.devserver.engine.scope import Scope
    from metaflow_windmill.devserver.model import Catalog
    from metaflow_windmill.types import Json


class Advance:
    """Carries one flow job on.

    Parameters
    ----------
    flow : FlowState
    scope : Scope
        What its expressions see.
    catalog : Catalog
    """

    def __init__(self, flow: FlowState, scope: Scope, catalog: Catalog) -> None:
        self._flow, self._scope, self._catalog = flow, scope, catalog
        self._plan = EventPlan(flow.run)

    def start(self) -> EventPlan:
        """Begin the flow."""
        if self._flow.job.canceled_by is not None:
            return self._canceled()
        try:
            skipped = self._skips()
        except ExpressionError as why:
            return self._broken_at_start(Broken(str(why)), None)
        if skipped:
            step = self._flow.run.step
            if 0 <= step < self._flow.size:
                first = ModuleRun(id=self._flow.value.modules[step].id, type="Success", skipped=True)
                self._plan.modules[step] = first
            self._plan.finish = Finish("skipped", "stopped early", success=True, stop=True)
            return self._plan
        self._begin(None, None, starting=True)
        return self._plan

    def woken(self, module: ModuleRun) -> EventPlan:
        """Go on with a module that has waited: for answers, or for as long as it may."""
        if self._flow.job.canceled_by is not None:
            return self._canceled()
        _, result = self._scope.success_before(self._flow.run.step)
        self._begin(module, result)
        return self._plan

    def after(self, ended: ModuleEnd) -> EventPlan:
        """React to the end of a child."""
        module = self._scope.module(self._flow.run.step)
        if module is None:
            return self._plan
        self._apply(conclude(self._flow, module, ended, self._scope))
        return self._plan

    def _skips(self) -> bool:
        condition = self._flow.value.skip_expr
        if condition is None or self._flow.run.step > 0:
            return False
        scheduled = clock.iso(self._flow.job.scheduled_for)
        names = {"result": "{}", "previous_result": "{}", "WM_SCHEDULED_FOR": scheduled}
        return self._scope.holds(condition, names, sees_results=False)

    def _canceled(self) -> EventPlan:
        job = self._flow.job
        result = canceled(job.canceled_by or "", job.canceled_reason)
        self._plan.finish = Finish("canceled", result, success=False)
        return self._plan

    def _apply(self, verdict: Verdict) -> None:
        """Take a verdict into the plan, and go on where it says so."""
        plan, step = self._plan, self._flow.run.step
        plan.modules[step] = verdict.module
        plan.run = verdict.run
        plan.release = verdict.release
        if verdict.finished and step >= 0 and not self._flow.at_failure:
            plan.finished.append(step)
            self._scope.remember(step, verdict.module, verdict.value)
        plan.finish = verdict.finish
        if verdict.then != "begin":
            return
        if step == PREPROCESSOR and verdict.module.type == "Success":
            plan.args = arguments_made(verdict.result)
            self._scope.replace_input(plan.args)
        again = verdict.module if verdict.run.step == step else None
        self._flow = replace(self._flow, run=verdict.run)
        self._begin(again, verdict.result, unrecoverable=verdict.unrecoverable, handled=verdict.handled)

    def _begin(
        self,
        status: ModuleRun | None,
        result: Json,
        *,
        unrecoverable: bool = False,
        starting: bool = False,
        handled: bool = False,
    ) -> None:
        beginning = Beginning(self._flow, self._scope, self._catalog)
        try:
            begun = beginning.begin(status, result, unrecoverable=unrecoverable)
        except Broken as why:
            if starting:
                self._broken_at_start(why, status)
            else:
                self._plan.finish = _broken_between(why, result, handled=handled or self._flow.at_failure)
            return
        self._plan.run = begun.run
        self._plan.modules[begun.step] = begun.module
        if isinstance(begun, Waits):
            self._plan.parked = begun.parked
            return
        if isinstance(begun, Settled):
            self._flow = replace(self._flow, run=replace(begun.run, step=begun.step))
            self._apply(conclude(self._flow, begun.module, begun.ended, self._scope))
            return
        self._plan.children = begun.children
        self._plan.scheduled_for = begun.scheduled_for
        self._plan.items = begun.items

    def _broken_at_start(self, why: Broken, status: ModuleRun | None) -> EventPlan:
        """Answer a first module that cannot begin: at the top the step fails, below the flow does."""
        failed = _failed(why.at_start, "Anyhow")
        if self._flow.job.parent is not None or self._flow.size == 0:
            self._plan.finish = failed
            return self._plan
        step = self._flow.run.step
        module = status or ModuleRun(id=self._flow.value.modules[max(step, 0)].id)
        ended = ModuleEnd(None, success=False, result=failed.result)
        self._apply(conclude(self._flow, module, ended, self._scope))
        return self._plan


def arguments_made(result: Json) -> dict[str, Json]:
    """Return the arguments that the result of a preprocessor means."""
    if isinstance(result, dict):
        return result
    return {} if result is None else {"value": result}


def _failed(message: str, name: str) -> Finish:
    return Finish("failure", {"error": {"message": message, "name": name}}, success=False)


def _broken_between(why: Broken, result: Json, *, handled: bool) -> Finish:
    """End a flow whose next module cannot begin: its parent is told the result before it, as by 1.788."""
    told = canonical.dump(known(result))
    return replace(_failed(str(why), "InternalError"), handled=handled, told=told)
