"""What the end of a child means for the module that started it, and for the flow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from metaflow_windmill.devserver.engine import retries, stops
from metaflow_windmill.devserver.engine.plan import PREPROCESSOR, Finish, FlowState, ModuleEnd
from metaflow_windmill.devserver.engine.unread import Unread, known
from metaflow_windmill.devserver.expressions.evaluator import ExpressionError
from metaflow_windmill.openflow import BranchAll, ForLoop, SubFlow, WhileLoop

if TYPE_CHECKING:
    from metaflow_windmill.devserver.engine.scope import Scope
    from metaflow_windmill.devserver.engine.stops import Stop
    from metaflow_windmill.devserver.store.flow_rows import FlowRun, ModuleRun
    from metaflow_windmill.openflow import Module
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class Verdict:
    """What is next.

    Parameters
    ----------
    then : {"wait", "begin", "end"}
        Wait for other children; begin a child, a module or an attempt; or end the flow.
    run : FlowRun
    module : ModuleRun
        The module whose child ended, as it is now.
    result : JSON value or Unread
        What the next module sees as ``previous_result``.
    value : JSON value or Unread
        What ``results.<id>`` of a finished module is.
    finished : bool
        Whether the module has ended.
    release : int or None
        Which waiting iteration may begin.
    unrecoverable : bool
        Whether what begins next can only be the failure module.
    handled : bool
        Whether a failure module below has answered a failure: it counts where what begins next cannot begin.
    finish : Finish or None
    """

    then: Literal["wait", "begin", "end"]
    run: FlowRun
    module: ModuleRun
    result: Json = None
    value: Json = None
    finished: bool = False
    release: int | None = None
    unrecoverable: bool = False
    handled: bool = False
    finish: Finish | None = None


def conclude(flow: FlowState, module: ModuleRun, ended: ModuleEnd, scope: Scope) -> Verdict:
    """Decide what the end of a child (or of a module without one) brings.

    An expression that throws on the way makes the step fail for good: no retry and no tolerance applies.
    """
    try:
        return _Conclusion(flow, module, ended, scope).verdict()
    except ExpressionError as why:
        broken = replace(ended, success=False, result={"error": str(why)}, unrecoverable=True)
        return _Conclusion(flow, module, broken, scope).verdict()


class _Conclusion:
    """One decision, in the order in which the real server takes its parts."""

    def __init__(self, flow: FlowState, module: ModuleRun, ended: ModuleEnd, scope: Scope) -> None:
        self.flow, self.module, self.ended, self.scope = flow, module, ended, scope
        self.current = flow.current
        self.tolerated = _tolerated(self.current, module, ended)
        self.handled = ended.handled and not (self.current and isinstance(self.current.value, SubFlow))

    def verdict(self) -> Verdict:
        stop = self._stop()
        if self.module.in_progress and self.module.parallel:
            return self._parallel(stop)
        canceled = self.flow.job.canceled_by is not None
        if self._more_to_run() and not stop.early and not canceled and (self.ended.success or self.tolerated):
            return Verdict("begin", self.flow.run, self.module, self.ended.result, handled=self.handled)
        return self._whole(stop)

    def _stop(self) -> Stop:
        """Whether the child stopped early, or ``stop_after_if`` says so now."""
        current, ended = self.current, self.ended
        spreads = not self.module.parallel and not (current and isinstance(current.value, SubFlow))
        if ended.stop is not None and spreads:
            return stops.Stop(early=True, skip=ended.stop)
        if current is None or current.stop_after_if is None or not ended.success:
            return stops.GO_ON
        # Branches, parallel iterations and skipped steps have no such rule.
        passed_on = current.skip_if is not None and ended.identity
        if passed_on or (self.module.in_progress and (self.module.parallel or self.module.shape == "arms")):
            return stops.GO_ON
        rule = current.stop_after_if
        everything = self._results() if self.module.has_list and "all_iters" in rule.expr else None
        return stops.after_step(rule, self.scope, ended.result, everything)

    def _parallel(self, stop: Stop) -> Verdict:
        """Count one of many children; the last one ends the module."""
        value = self.current.value if self.current else None
        failed = self.module.failed + (
            not self.ended.own_success and not _arm_tolerates(self.current, self.ended)
        )
        counted = replace(self.module, done=self.module.done + 1, failed=failed)
        if counted.done < (counted.total or 0):
            others_wait = isinstance(value, ForLoop) and value.parallelism is not None
            return Verdict("wait", self.flow.run, counted, release=counted.done if others_wait else None)
        stop = self._stop_after_all(stop)
        loop_tolerates = isinstance(value, ForLoop) and self.tolerated
        success = not stop.fails and (loop_tolerates or counted.failed == 0)
        # A failure module has run below, at the leaf, so it does not run again here.
        self.handled = not success and self.flow.value.failure_module is not None
        skipped = success and stop.early and stop.skip
        ended = replace(
            counted, type="Success" if success else "Failure", job=self.ended.child, skipped=skipped
        )
        return self._next(ended, stop, success=success, advance=success)

    def _more_to_run(self) -> bool:
        """Tell whether a sequential loop or branchall has another child to come."""
        module = self.module
        if not module.in_progress or not module.has_list:
            return False
        return module.shape == "while" or module.started < (module.total or 0)

    def _whole(self, stop: Stop) -> Verdict:
        """End a module that is not parallel."""
        looping = self.module.in_progress and self.module.shape in ("loop", "while")
        if looping:
            stop = stops.GO_ON  # Stopping early inside a sequential loop ends the loop and nothing more.
        if looping or (self.module.in_progress and self.module.shape == "arms" and not stop.early):
            stop = self._stop_after_all(stop)
        success = (self.ended.success or (self.module.has_list and self.tolerated)) and not stop.fails
        failed_jobs = self.flow.run.failed_jobs
        if success:
            passed_on = self.current is not None and self.current.skip_if is not None and self.ended.identity
            skipped = (stop.early and stop.skip) or passed_on
            module = replace(self.module, type="Success", job=self.ended.child, skipped=skipped)
            module = replace(module, failed_retries=failed_jobs)
            return self._next(module, stop, success=True, advance=True)
        module = replace(self.module, type="Failure", job=self.ended.child, failed_retries=failed_jobs)
        advance = self._continues_on_error() and not self.ended.unrecoverable and not self._retries()
        return self._next(module, stop, success=False, advance=advance)

    def _next(self, module: ModuleRun, stop: Stop, *, success: bool, advance: bool) -> Verdict:
        """Decide between the next module, another attempt, the failure module, and the end of the flow."""
        flow, run = self.flow, self.flow.run
        value = Unread(self._results) if module.has_list else self.ended.result
        result = stops.error_result(stop, known(value)) if stop.early and stop.error is not None else value
        if run.fail_count > 0 and module.type == "Success":
            run = replace(run, fail_count=0, failed_jobs=())
        run = replace(run, step=run.step + advance)
        last = not 0 <= run.step < flow.size
        if self._goes_on(stop, success=success, last=last):
            begins = Verdict("begin", run, module, result, value, finished=True, handled=self.handled)
            return replace(begins, unrecoverable=self.ended.unrecoverable)
        success = success or (last and not self.ended.unrecoverable and self._tolerates())
        finish = self._finish(known(result), stop, success=success)
        return Verdict("end", run, module, result, value, finished=True, finish=finish)

    def _goes_on(self, stop: Stop, *, success: bool, last: bool) -> bool:
        flow = self.flow
        answerable = flow.value.failure_module is not None
        if stop.early:
            return stop.error is not None and answerable and not flow.at_failure
        if flow.job.canceled_by is not None:
            return False
        if success:
            return not last or flow.run.step == PREPROCESSOR
        if not self.ended.unrecoverable:
            if self._tolerates():
                return not last
            if self._retries():
                return True
        return answerable and not flow.at_failure and not self.handled

    def _finish(self, result: Json, stop: Stop, *, success: bool) -> Finish:
        job = self.flow.job
        handled = self.handled or self.flow.at_failure
        if job.canceled_by is not None:
            return Finish(
                "canceled", canceled(job.canceled_by, job.canceled_reason), success=False, handled=handled
            )
        recovered = isinstance(result, dict) and result.get("recover") is True
        good = success and (not self.flow.at_failure or recovered)
        # Skipped wins, as on a real server: a module may have failed whose rule ends the flow as skipped.
        outcome = "skipped" if stop.early and stop.skip else "success" if good else "failure"
        told = success and not self.flow.at_failure
        return Finish(outcome, result, told, stop=stop.skip if stop.early else None, handled=handled)

    def _stop_after_all(self, stop: Stop) -> Stop:
        rule = self.current.stop_after_all_iters_if if self.current else None
        if rule is None:
            return stop
        decided = stops.after_all(rule, self.scope, self._results())
        return decided if decided.early else stop

    def _results(self) -> Json:
        return self.scope.list_of(self.flow.run.step, self.module)

    def _continues_on_error(self) -> bool:
        return self.current is not None and self.current.continue_on_error

    def _tolerates(self) -> bool:
        return self.tolerated or self._continues_on_error()

    def _retries(self) -> bool:
        module = self.current if not self.flow.at_failure else self.flow.value.failure_module
        retry = module.retry if module else None
        return retries.delay(retry, self.flow.run.fail_count, self.scope, self.ended.result) is not None


def _tolerated(current: Module | None, module: ModuleRun, ended: ModuleEnd) -> bool:
    """Tell whether the failure of this child is not the module's: ``skip_failures``, ``skip_failure``."""
    if current is None or not module.in_progress:
        return False
    if isinstance(current.value, (ForLoop, WhileLoop)):
        return module.shape in ("loop", "while") and current.value.skip_failures
    return not module.parallel and _arm_tolerates(current, ended)


def _arm_tolerates(current: Module | None, ended: ModuleEnd) -> bool:
    if current is None or not isinstance(current.value, BranchAll) or ended.iteration is None:
        return False
    return current.value.branches[ended.iteration].skip_failure


def canceled(by: str, reason: str | None) -> Json:
    """Return the result of a canceled job."""
    why = reason or "unexplicited reasons"
    message = f"Job canceled: {why} by {by}"
    return {"error": {"name": "Canceled", "message": message, "reason": why, "canceler": by}}
