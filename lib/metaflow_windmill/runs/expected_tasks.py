"""How many tasks each step of a run will have, as far as the deployed flow tells it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from metaflow_windmill.contract.pack import Pack, read_task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.types import Json

_SPLIT_BY = re.compile(r"results\.(\w+)\.")
_OF_CHUNK = "flow_input.iter.value[1]"
"""In the iterator of a loop over a chunk of splits: those of the loop around it."""


@dataclass(frozen=True)
class Planned:
    """Where a step stands in a deployed flow.

    Parameters
    ----------
    loop : str or None
        The step that makes the splits of the innermost foreach around it; None where there is none.
    certain : bool
        Whether it runs once for each of those splits (without a foreach: once), and not only where a switch
        leads to it, or as often as it returns to itself.
    """

    loop: str | None = None
    certain: bool = True


def plan_of(value: Json) -> dict[str, Planned]:
    """Return where each step of a flow's value stands, in the order in which they are written there."""
    found: dict[str, Planned] = {}
    last: dict[str, str] = {}
    for module, steps, planned in _placed(value.get("modules") or [], Planned(), last):
        last[module] = steps[-1]
        for step in steps:
            found[step] = replace(planned, certain=False) if step in found else planned
    return found


def _placed(
    modules: list[Json], around: Planned, last: dict[str, str]
) -> Iterator[tuple[str, tuple[str, ...], Planned]]:
    """Go through the modules that run steps; `last` says of those before which step they end with."""
    for module in modules:
        value = module["value"]
        here = replace(around, certain=False) if module.get("skip_if") else around
        steps = _steps(value)
        if steps:
            yield module["id"], steps, here
        inside = _inside(value, here, last)
        for part in (value, *(value.get("branches") or []), {"modules": value.get("default")}):
            yield from _placed(part.get("modules") or [], inside, last)


def _inside(value: Json, around: Planned, last: dict[str, str]) -> Planned:
    """Return where that stands which stands in a module."""
    kind = value["type"]
    if kind == "forloopflow":
        over = (value.get("iterator") or {}).get("expr") or ""
        if _OF_CHUNK in over:
            return around
        splits = _SPLIT_BY.match(over)
        loop = last.get(splits[1]) if splits else None
        return Planned(loop, certain=loop is not None)
    return replace(around, certain=False) if kind in ("branchone", "whileloopflow") else around


def _steps(value: Json) -> tuple[str, ...]:
    told = (value.get("input_transforms") or {}).get("task") or {}
    task = read_task(told.get("value") or {})
    if isinstance(task, Pack):
        return tuple(spec.step for spec in task.steps)
    return () if task is None else (task.step,)
