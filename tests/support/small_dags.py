"""Graphs as the compiler gets them, written in one line a step."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from metaflow_windmill.graph import Case, Dag, Step, StepKind, arrange

_KINDS: dict[str, StepKind] = {"split": "split", "foreach": "foreach", "gang": "gang", "switch": "switch"}


def small_dag(joins: str = "", **lines: str) -> Dag:
    """Return a graph; the first step is its start, the last one its end.

    Parameters
    ----------
    joins : str
        The steps that take inputs.
    lines : str
        For each step where it leads: ``"a"``, ``"split a b"``, ``"foreach a"``, ``"gang a"``,
        ``"switch a b+c"`` (whose cases are called like the first of their steps), or an empty text.
    """
    steps = {name: _step(name, line.split()) for name, line in lines.items()}
    first, last = next(iter(steps)), next(reversed(steps))
    fans = {fan.name: fan for step in steps.values() for fan in _fans(step)}
    arranged = arrange({**steps, **fans}, first, joins.split())
    ordered = tuple(step for step in arranged if step.case_of is None)
    return Dag("SmallFlow", first, last, ordered, fans=tuple(step for step in arranged if step.case_of))


def _fans(step: Step) -> list[Step]:
    fans = [case for case in step.cases if case.others]
    return [
        Step(f"{step.name}/{case.step}", "split", (case.step, *case.others), case_of=step.name)
        for case in fans
    ]


def _step(name: str, words: list[str]) -> Step:
    kind = _KINDS.get(words[0]) if words else "end"
    following = tuple(words if kind is None else words[1:])
    step = Step(name, kind or "linear", tuple(target for target in following if target != name))
    if kind == "switch":
        rows = [tuple(word.split("+")) for word in following]
        cases = tuple(Case(row[0], row[0], row[1:]) for row in rows)
        targets = (f"{name}/{case.step}" if case.others else case.step for case in cases)
        return replace(
            step,
            next=tuple(target for target in targets if target != name),
            cases=cases,
            recursive=name in following,
            over="condition",
        )
    return replace(step, over="items") if kind == "foreach" else step


def linear_dag(steps: int) -> Dag:
    """Return a graph of so many steps in a row."""
    names = ["start", *(f"step_{number}" for number in range(1, steps - 1)), "end"]
    row = tuple(Step(name, next=(after,)) for name, after in pairwise(names))
    return Dag("RowFlow", "start", "end", (*row, Step("end", "end")))
