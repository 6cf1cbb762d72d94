"""How a module begins: its rules are looked at, its inputs computed, and the jobs named that it starts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.engine import retries, suspensions
from metaflow_windmill.devserver.engine.containers import Containers, Instant
from metaflow_windmill.devserver.engine.inputs import Start, own_timeout, transformed
from metaflow_windmill.devserver.engine.leaf_jobs import Leaves
from metaflow_windmill.devserver.engine.plan import (
    PREPROCESSOR,
    Broken,
    ChildJob,
    FlowState,
    ModuleEnd,
    Parked,
    path_below,
)
from metaflow_windmill.devserver.engine.unread import known
from metaflow_windmill.devserver.expressions.evaluator import ExpressionError
from metaflow_windmill.devserver.store import clock
from metaflow_windmill.devserver.store.flow_rows import FlowRun, ModuleRun
from metaflow_windmill.openflow import Identity, RawScript, Script, SubFlow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow_windmill.devserver.engine.scope import Scope
    from metaflow_windmill.devserver.model import Catalog
    from metaflow_windmill.openflow import Module
    from metaflow_windmill.types import Json

NO_RESULT = "{}"
"""What stands for a result that is not there: a text, as on the real server."""

FAILURE_ID = "failure"
ENTRYPOINT = "_ENTRYPOINT_OVERRIDE"
"""The argument that names another function than ``main``."""


@dataclass(frozen=True)
class Begun:
    """The jobs that a module starts, and what the flow and the module are then."""

    run: FlowRun
    step: int
    module: ModuleRun
    children: Iterable[ChildJob]
    scheduled_for: int | None = None
    items: list[Json] | None = None


@dataclass(frozen=True)
class Settled:
    """A module that ended as it began: nothing to loop over, an empty branch, a predicate that throws."""

    run: FlowRun
    step: int
    module: ModuleRun
    ended: ModuleEnd


@dataclass(frozen=True)
class Waits:
    """A module that does not begin before people have answered."""

    run: FlowRun
    step: int
    module: ModuleRun
    parked: Parked


class Beginning:
    """Begins modules of one flow job.

    Parameters
    ----------
    flow : FlowState
    scope : Scope
    catalog : Catalog
    """

    def __init__(self, flow: FlowState, scope: Scope, catalog: Catalog) -> None:
        self.flow, self.scope = flow, scope
        self.leaves = Leaves(flow, catalog)
        self.containers = Containers(flow, scope, self.leaves)
        self._answers = suspensions.NOBODY

    def begin(
        self, status: ModuleRun | None, result: Json, *, unrecoverable: bool = False
    ) -> Begun | Settled | Waits:
        """Begin the module at the flow's step: anew, its next child, another attempt, or the failure module.

        Parameters
        ----------
        status : ModuleRun or None
            What is known of the module; None where it has not begun.
        result : JSON value
            The result before it; of its last child where it goes on.
        unrecoverable : bool
            Whether a failure allows no other attempt.

        Raises
        ------
        Broken
            If the module's own rules do not work out.
        """
        flow = self.flow
        if flow.size == 0 and flow.run.step != PREPROCESSOR:
            failure = flow.value.failure_module
            empty = ModuleRun(id=failure.id if failure else FAILURE_ID, type="Success")
            return Settled(flow.run, 0, empty, ModuleEnd(None, success=True, result=self.scope.flow_input))
        try:
            held = self._held(status)
            if held is not None:
                return held
            start = self._start(status, result, unrecoverable=unrecoverable)
            return self._launch(start)
        except ExpressionError as why:
            raise Broken(str(why)) from why

    def _start(self, status: ModuleRun | None, result: Json, *, unrecoverable: bool) -> Start:
        flow, step = self.flow, self.flow.run.step
        module = self._module_at(step)
        if status is not None and status.type == "Failure":
            return self._after_failure(module, status, result, unrecoverable=unrecoverable)
        first = step in (0, PREPROCESSOR)
        previous = self.scope.flow_input if first else result
        fresh = status is None or status.waits
        begun = ModuleRun(id=module.id) if status is None or status.waits else status
        start = Start(flow.run, step, module, begun, self._id_before(step), previous)
        if fresh and step > 0:
            start.scheduled_for = self._slept(flow.value.modules[step - 1], previous)
        return start

    def _held(self, status: ModuleRun | None) -> Waits | Settled | None:
        """Ask those whom the module before waits for; None where the module may begin, or has begun."""
        run, waited = self.flow.run, status is not None and status.waits
        before = self.scope.module(run.step - 1) if run.step > 0 else None
        if before is None or not (waited or status is None) or not 0 < run.step < self.flow.size:
            return None
        suspend = self.flow.value.modules[run.step - 1].suspend
        if suspend is None or not suspend.required_events or before.type != "Success" or before.skipped:
            return None
        said = suspensions.decide(suspend, self.scope.answers(before.job), waited=waited)
        module = ModuleRun(id=self._module_at(run.step).id, type="WaitingForEvents", job=before.job)
        if isinstance(said, suspensions.StillWaiting):
            until = clock.now() + said.seconds * 1_000_000
            return Waits(run, run.step, replace(module, total=said.required), Parked(said.missing, until))
        if isinstance(said, suspensions.Disapproved):
            ended = ModuleEnd(None, success=False, result=said.result, unrecoverable=True)
            return Settled(run, run.step, module, ended)
        self._answers = said.names
        return None

    def _after_failure(
        self, module: Module, status: ModuleRun, result: Json, *, unrecoverable: bool
    ) -> Start:
        """Begin another attempt, or the failure module."""
        run = self.flow.run
        wait = None if unrecoverable else retries.delay(module.retry, run.fail_count, self.scope, result)
        if wait is not None:
            return self._again(module, status, result, wait)
        if module.continue_on_error and not unrecoverable:
            raise Broken(f"Module {module.id} failed with nothing to go on with; it cannot begin again.")
        failure = self.flow.value.failure_module
        if failure is None:
            raise Broken("The flow has no failure module.")
        if retries.has_attempts(failure.retry):
            run = replace(run, fail_count=0, failed_jobs=())
        run = replace(run, step=self.flow.size)
        before = ModuleRun(id=failure.id, parent_module=module.id)
        return Start(run, self.flow.size, failure, before, module.id, result)

    def _again(self, module: Module, status: ModuleRun, result: Json, wait: float) -> Start:
        run = self.flow.run
        failed = (*run.failed_jobs, status.job or "")
        run = replace(run, fail_count=run.fail_count + 1, failed_jobs=failed)
        step = run.step
        status = ModuleRun(
            id=status.id,
            attempt=status.attempt + 1,
            failed_retries=failed,
            parent_module=status.parent_module,
        )
        previous = result if step >= self.flow.size else self._result_before(step)
        when = clock.now() + round(wait * 1e6)
        return Start(
            run, step, module, status, self._id_before(step), previous, when, failed[-1], retries=True
        )

    def _launch(self, start: Start) -> Begun | Settled:
        module = start.module
        start.names = {"result": start.previous, "previous_result": start.previous, **self._answers}
        skipped = self._skipped(start)
        args, error = self._arguments(start, skipped=skipped)
        if skipped or isinstance(module.value, Identity) or (module.mock and module.mock.enabled):
            return self._one(start, ChildJob("identity", args, error=error))
        if isinstance(module.value, (RawScript, Script, SubFlow)):
            path, timeout = self._path(start, module.value), own_timeout(self.scope, start)
            child = self.leaves.child(module, path, args, error, timeout)
            return self._one(start, child)
        return self._contained(start, args)

    def _skipped(self, start: Start) -> bool:
        """Ask ``skip_if``: also before each further turn of a sequential loop or branchall, as 1.788 does."""
        condition = start.module.skip_if
        if condition is None:
            return False
        return self.scope.holds(condition, start.names, previous_id=start.previous_id)

    def _one(self, start: Start, child: ChildJob) -> Begun:
        waits = waiting(start.status)
        return Begun(start.run, start.step, waits, (child,), start.scheduled_for)

    def _contained(self, start: Start, args: dict[str, Json]) -> Begun | Settled:
        spread = self.containers.spread(start, args)
        if isinstance(spread, Instant):
            return Settled(start.run, start.step, spread.module, spread.ended)
        return Begun(start.run, start.step, spread.module, spread.children, start.scheduled_for, spread.items)

    def _arguments(self, start: Start, *, skipped: bool) -> tuple[dict[str, Json], str | None]:
        """Return the arguments of the job (of each job of a container), or why they cannot be computed."""
        module = start.module
        if module.mock and module.mock.enabled:
            return {"previous_result": module.mock.return_value}, None
        if start.retries:
            return self.scope.args_of(start.repeats), None
        if start.step == PREPROCESSOR:
            return {**self.scope.flow_input, ENTRYPOINT: "preprocessor"}, None
        if module.extra.get("pass_flow_input_directly"):
            return self.scope.flow_input, None
        if isinstance(module.value, Identity) or skipped:
            return {"previous_result": known(start.previous)}, None
        if isinstance(module.value, (RawScript, Script, SubFlow)):
            return self._transformed(start, module.value)
        return self.scope.flow_input, None

    def _transformed(
        self, start: Start, value: RawScript | Script | SubFlow
    ) -> tuple[dict[str, Json], str | None]:
        names = {"params": {}, "previous_result": start.previous, **self._answers}
        if start.step == self.flow.size:
            names |= {"started_at": clock.iso(self.flow.job.started_at), "flow_job_id": self.flow.job.id}
        return transformed(self.scope, value, names, start.previous_id)

    def _slept(self, before: Module, result: Json) -> int | None:
        """Return when the module after a sleeping one may begin."""
        if before.sleep is None:
            return None
        names = {"result": result, "previous_result": result}
        seconds = self.scope.transformed(before.sleep, names, sees_results=False)
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds < 0:
            raise Broken(f"The sleep of module {before.id} is not a number of seconds: {seconds!r}.")
        return clock.now() + round(seconds * 1e6)

    def _result_before(self, step: int) -> Json:
        """Return what the module saw as ``previous_result`` when it began first."""
        if step in (0, PREPROCESSOR):
            return self.scope.flow_input
        found, result = self.scope.success_before(step)
        return result if found else NO_RESULT

    def _module_at(self, step: int) -> Module:
        value = self.flow.value
        special = value.preprocessor_module if step == PREPROCESSOR else value.failure_module
        module = value.modules[step] if 0 <= step < self.flow.size else special
        if module is None:
            raise Broken(f"The flow has no module for step {step}.")
        return module

    def _id_before(self, step: int) -> str:
        return self.flow.value.modules[step - 1].id if 1 <= step <= self.flow.size else ""

    def _path(self, start: Start, value: RawScript | Script | SubFlow) -> str:
        if not isinstance(value, RawScript) or value.path:
            return value.path or ""
        name = "preprocessor" if start.step == PREPROCESSOR else start.module.id
        return path_below(self.flow.job.path, name)


def waiting(before: ModuleRun) -> ModuleRun:
    """Return a module that waits for one job; where it was a loop, nothing of its turns remains."""
    return ModuleRun(
        id=before.id,
        type="WaitingForExecutor",
        attempt=before.attempt,
        failed_retries=before.failed_retries,
        parent_module=before.parent_module,
    )
