"""Run ids and task ids, from the position alone.

A task's id is the same for each of its attempts, and it can be computed by whoever knows the
position, so that no list of ids is ever passed on. It is no integer, since Metaflow's metadata
providers take integers for ids of their own making.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from metaflow_windmill.contract.resume_argument import WINDMILL_RUN
from metaflow_windmill.errors import RetryNotAllowed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from metaflow_windmill.contract.task_spec import Level
    from metaflow_windmill.runtime.position.current_job import CurrentJob
    from metaflow_windmill.types import Json

Position: TypeAlias = "tuple[tuple[Level, int], ...]"
"""The loops around a task, outermost first: the kind of each, and the split or the turn."""

PARAMETERS = "_parameters/t-params"

GRAPH = "_graph_info"
"""The artifact by which Metaflow's client reads a task's parents; the parameters of a run have it too."""

UNBOUNDED = -1
"""In place of a number of splits, and of a split: one control task, which makes the splits itself.

Metaflow calls a foreach over its `UnboundedForeachInput` so; extensions of Metaflow may define one.
"""


def run_id(job: CurrentJob, given: str | None) -> str:
    """Return the id of the run: what the start step told, or, in the start step, made of the flow's job.

    Raises
    ------
    RetryNotAllowed
        If this is no step of a flow.
    """
    if given:
        return given
    if not job.run:
        raise RetryNotAllowed(
            "This is not a step of a Windmill flow. Run the flow instead of the step's script."
        )
    return f"{WINDMILL_RUN}{job.run}"


def task_id(position: Position) -> str:
    """Return ``t``, and for each level ``-<split>``, ``-control``, ``.<turn>`` or ``_node_<number>``.

    The first node of a gang is its control task and has the name of the gang, as in Metaflow's own runs.
    """
    return "t" + "".join(map(_part, position))


def _part(level: tuple[Level, int]) -> str:
    kind, number = level
    if kind == "foreach":
        return "-control" if number == UNBOUNDED else f"-{number}"
    if kind == "node":
        return f"_node_{number}" if number else ""
    return f".{number}"


def read_position(kinds: Sequence[Level], given: Mapping[str, Json]) -> Position:
    """Read the inputs ``level_0``, ``level_1``, ..., each an ``iter`` of Windmill.

    A foreach counts by the value, since a lane hands out the numbers of its splits as values.

    Raises
    ------
    RetryNotAllowed
        If one is missing.
    """
    return tuple((kind, _number(kind, f"level_{depth}", given)) for depth, kind in enumerate(kinds))


def _number(kind: Level, name: str, given: Mapping[str, Json]) -> int:
    step = given.get(name)
    number = step.get("value" if kind == "foreach" else "index") if isinstance(step, dict) else None
    least = UNBOUNDED if kind == "foreach" else 0
    if not isinstance(number, int) or isinstance(number, bool) or number < least:
        raise RetryNotAllowed(
            f"Windmill gave {step!r} for {name}, which should be the place of this task in a loop. "
            "Deploy the flow again; if it was edited by hand, undo that."
        )
    return number
