"""A step with its split and its joins: what the rest of its level sees as one."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow_windmill.openflow import Module


@dataclass(frozen=True)
class Ending:
    """One of several joins of a split, and the condition under which it is the one that runs."""

    join: str
    module: Module
    predicate: str


@dataclass(frozen=True)
class Knot:
    """The modules of a step with its split and its joins.

    Parameters
    ----------
    step : str
        The step's name.
    own : Module
        The step's task, or the loop of its turns.
    parts : tuple of Module
        What always runs after it: the container of its branches, the only join.
    endings : tuple of Ending
        Its joins, where there are several.
    """

    step: str
    own: Module
    parts: tuple[Module, ...] = ()
    endings: tuple[Ending, ...] = ()


def skipped_unless(knot: Knot, condition: str | None) -> list[Module]:
    """Return the modules of a knot in a row, all of them skipped unless a condition holds.

    Parameters
    ----------
    knot : Knot
    condition : str or None
        Of the step itself, in Windmill's expressions; None for a step that always runs.
    """
    if condition is None:
        endings = [replace(end.module, skip_if=f"!({end.predicate})") for end in knot.endings]
        return [knot.own, *knot.parts, *endings]
    # A step that was skipped has the result of another one.
    away = f"results.{knot.own.id}.step !== {json.dumps(knot.step)}"
    return [
        replace(knot.own, skip_if=f"!({condition})"),
        *(replace(part, skip_if=away) for part in knot.parts),
        *(replace(end.module, skip_if=f"{away} || !({end.predicate})") for end in knot.endings),
    ]
