"""Puts steps into topological order, and finds for each join the splits that it may close."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from metaflow_windmill.errors import CompileError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from metaflow_windmill.graph.dag import Step

# The splits that are open at a step, outermost first. Each is a set: where a switch decides
# between two splits with the same branches, a step of those branches is inside either.
Open = tuple[tuple[str, ...], ...]


def arrange(steps: Mapping[str, Step], start: str, joins: Collection[str]) -> tuple[Step, ...]:
    """Return the steps in topological order, each join with the splits that it may close.

    Parameters
    ----------
    steps : mapping of str to Step
        Without any `joins` set.
    start : str
    joins : collection of str
        The steps that take ``inputs``.

    Raises
    ------
    CompileError
        If a step names one that is not there, joins what was never split, or is reached with
        more splits open on one way than on another.
    """
    inside: dict[str, Open] = {start: ()}
    arranged = []
    for name in _topological(steps, start):
        step, splits = steps[name], inside[name]
        if name in joins:
            step, splits = replace(step, joins=_innermost(name, splits)), splits[:-1]
        arranged.append(step)
        below = (*splits, (name,)) if step.kind in {"split", "foreach", "gang"} else splits
        for following in step.next:
            inside[following] = _either(following, inside.get(following, below), below)
    return tuple(arranged)


def _innermost(join: str, splits: Open) -> tuple[str, ...]:
    if not splits:
        raise CompileError(
            f"the step '{join}' takes inputs, but nothing was split before it: "
            "the flow's own command 'check' says more"
        )
    return splits[-1]


def _either(name: str, one: Open, other: Open) -> Open:
    """Return what is open at a step that two ways lead to."""
    if one == other:
        return one
    if len(one) != len(other):
        raise CompileError(
            f"the step '{name}' is reached both inside and outside of a split: "
            "the flow's own command 'check' says more"
        )
    return tuple(tuple(dict.fromkeys(first + second)) for first, second in zip(one, other, strict=True))


def _topological(steps: Mapping[str, Step], start: str) -> list[str]:
    """Return what is reachable, ordered as the source reads: branches in their order, each to its end."""
    done: list[str] = []
    seen = {start}
    # The path is kept by hand: a flow may have more steps in a row than Python has frames.
    path = [(start, iter(reversed(_following(steps, start))))]
    while path:
        name, rest = path[-1]
        for following in rest:
            if following not in seen:
                seen.add(following)
                path.append((following, iter(reversed(_following(steps, following)))))
                break
        else:
            done.append(name)
            path.pop()
    return done[::-1]


def _following(steps: Mapping[str, Step], name: str) -> tuple[str, ...]:
    following = steps[name].next
    unknown = [step for step in following if step not in steps]
    if unknown:
        raise CompileError(f"the step '{name}' leads to '{unknown[0]}', which is not a step of the flow")
    return following
