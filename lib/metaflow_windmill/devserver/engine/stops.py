"""Ending early: what ``stop_after_if`` and ``stop_after_all_iters_if`` decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.expressions.evaluator import ExpressionError

if TYPE_CHECKING:
    from metaflow_windmill.devserver.engine.scope import Scope
    from metaflow_windmill.openflow import StopAfterIf
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class Stop:
    """Whether a flow ends early after a module, and how.

    Parameters
    ----------
    early : bool
    skip : bool
        Whether the flow then counts as skipped.
    error : str or None
        The message that the flow fails with.
    include_result : bool
        Whether the error carries the result of the module.
    """

    early: bool = False
    skip: bool = False
    error: str | None = None
    include_result: bool = False

    @property
    def fails(self) -> bool:
        """Tell whether the flow ends early with an error."""
        return self.early and self.error is not None and not self.skip


GO_ON = Stop()


def by_rule(rule: StopAfterIf) -> Stop:
    """Return the stop that a rule asks for where its expression holds; skipping wins over an error."""
    if rule.skip_if_stopped:
        return Stop(early=True, skip=True)
    error = rule.error_message
    if error == "":
        error = f"stop after if: {rule.expr}"
    return Stop(early=True, error=error, include_result=rule.error_include_result)


def after_step(rule: StopAfterIf, scope: Scope, result: Json, all_iters: Json) -> Stop:
    """Apply ``stop_after_if`` to the result of a step or iteration."""
    names = {"result": result, "previous_result": result, "all_iters": all_iters}
    return by_rule(rule) if scope.holds(rule.expr, names, sees_results=mentions_results(rule.expr)) else GO_ON


def after_all(rule: StopAfterIf, scope: Scope, results: Json) -> Stop:
    """Apply ``stop_after_all_iters_if`` to the results of a loop; a rule that throws stops with an error."""
    names = {"result": results, "previous_result": results}
    try:
        held = scope.holds(rule.expr, names, sees_results=mentions_results(rule.expr))
    except ExpressionError as why:
        message = f"Error evaluating stop_after_all_iters_if expression `{rule.expr}`: {why}"
        return Stop(early=True, error=message)
    return by_rule(rule) if held else GO_ON


def mentions_results(expression: str) -> bool:
    """Tell whether the real server would let an expression see ``results``."""
    return any(mark in expression for mark in ("results.", "results[", "results?."))


def error_result(stop: Stop, result: Json) -> Json:
    """Return the result of a flow that stopped early with an error."""
    error: dict[str, Json] = {"name": "EarlyStopError", "message": stop.error}
    if stop.include_result:
        error["result"] = result
    return {"error": error}
