"""What a module that is about to begin gets: its inputs and its limit of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.engine.plan import Broken
from metaflow_windmill.devserver.expressions.evaluator import ExpressionError
from metaflow_windmill.openflow import Ai

if TYPE_CHECKING:
    from metaflow_windmill.devserver.engine.scope import Scope
    from metaflow_windmill.devserver.store.flow_rows import FlowRun, ModuleRun
    from metaflow_windmill.openflow import Module, RawScript, Script, SubFlow
    from metaflow_windmill.types import Json


@dataclass
class Start:
    """A module that is about to begin.

    Parameters
    ----------
    step : int
    module : Module
    status : ModuleRun
    previous_id : str
        The step whose result is `previous`.
    previous : JSON value
    repeats : str or None
        The failed job whose arguments a new attempt takes over.
    retries : bool
        Whether this is a new attempt.
    """

    run: FlowRun
    step: int
    module: Module
    status: ModuleRun
    previous_id: str
    previous: Json
    scheduled_for: int | None = None
    repeats: str | None = None
    retries: bool = False
    names: dict[str, Json] = field(default_factory=dict)


def transformed(
    scope: Scope, value: RawScript | Script | SubFlow, names: dict[str, Json], previous_id: str
) -> tuple[dict[str, Json], str | None]:
    """Return a leaf's inputs, or why one of them cannot be computed."""
    try:
        inputs = {
            name: scope.transformed(transform, names, previous_id=previous_id)
            for name, transform in value.input_transforms.items()
            if not isinstance(transform, Ai)
        }
    except ExpressionError as why:
        return {}, str(why)
    return inputs, None


def own_timeout(scope: Scope, start: Start) -> int | None:
    """Return the module's own limit in seconds; None where it says nothing."""
    limit = start.module.timeout
    if limit is None:
        return None
    if not isinstance(limit, int):
        names = {"result": start.previous, "previous_result": start.previous}
        limit = scope.transformed(limit, names, previous_id=start.previous_id)
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise Broken(f"The timeout of module {start.module.id} is not a whole number of seconds: {limit!r}.")
    return limit if limit > 0 else None


def with_iter(args: dict[str, Json], name: str, value: Json) -> dict[str, Json]:
    """Return arguments with the item of a loop; that of the loop around it becomes ``iter_parent``."""
    if name in args:
        args = with_iter(args, f"{name}_parent", args[name])
    return {**args, name: value}
