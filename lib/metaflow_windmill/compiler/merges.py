"""Where the ways out of a step meet again.

A split and the join that closes it count as one step here, so every step stands on one level:
inside of the same splits as all that it leads to. On that level the ways out of a step meet in
its immediate post-dominator, the first step that all of them come through.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from metaflow_windmill.contract.task_spec import ParentStep

if TYPE_CHECKING:
    from metaflow_windmill.graph.dag import Dag, Step

SPLITTING = frozenset({"split", "foreach", "gang"})
"""The kinds of steps that a join closes."""

Merges: TypeAlias = Mapping[str | None, str | None]
"""For each step the one where all that it leads to meets again."""


def following(dag: Dag, step: Step) -> tuple[str | None, ...]:
    """Return what comes after a step on its own level; None stands for leaving the level."""
    if step.kind in SPLITTING:
        after = tuple(name for join in dag.joins_of(step.name) for name in following(dag, dag[join]))
        return tuple(dict.fromkeys(after))
    if step.kind == "end":
        return (None,)
    return tuple(None if dag[name].joins else name for name in step.next)


def ways(dag: Dag, step: Step) -> tuple[tuple[ParentStep, str | None], ...]:
    """Return the ways from a step to what comes after it on its own level, each with where it begins.

    The ways out of a split begin at its joins; None stands for leaving the level.
    """
    if step.kind in SPLITTING:
        return tuple(way for name in dag.joins_of(step.name) for way in ways(dag, dag[name]))
    source = ParentStep(step.name, step.recursive)
    return tuple((source, name) for name in following(dag, step))


def merges(dag: Dag) -> Merges:
    """Return for each step where all that it leads to meets again.

    None where that is only the end of the level. Steps come in topological order, so one pass
    from the last to the first finds all of them.
    """
    found: dict[str | None, str | None] = {}
    depth: dict[str | None, int] = {None: 0}
    for step in reversed(dag.ordered):
        meeting, *others = following(dag, step)
        for other in others:
            meeting = _meeting(meeting, other, found, depth)
        found[step.name] = meeting
        depth[step.name] = depth[meeting] + 1
    return found


def _meeting(
    one: str | None, other: str | None, found: Merges, depth: Mapping[str | None, int]
) -> str | None:
    """Return the nearest step that both ways come through: the one further from the end goes on."""
    while one != other:
        if depth[one] < depth[other]:
            one, other = other, one
        one = found[one]
    return one
