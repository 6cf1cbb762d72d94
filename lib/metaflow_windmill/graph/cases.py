"""Cases of a switch that lead to several steps at once, as Metaflow's pull request 3328 has them.

Such a case is a list. Where it is chosen, all of its steps run side by side, up to a join that takes their
``inputs``: a split whose task is that of the switch. No released Metaflow has it; one may have a half of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.errors import UnsupportedFlow
from metaflow_windmill.graph.dag import Case, Step
from metaflow_windmill.internals.deploying import finds_case

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from metaflow.graph import DAGNode, FlowGraph


def read_cases(node: DAGNode) -> tuple[Case, ...]:
    """Return the cases of a switch, in the order of the source."""
    cases = ((_value(value), _targets(target)) for value, target in node.switch_cases.items())
    return tuple(Case(value, steps[0], steps[1:]) for value, steps in cases)


def following(node: DAGNode) -> tuple[str, ...]:
    """Return what a step leads to, each once, in the order of the source; several of a case are its fan."""
    if not node.switch_cases:
        return tuple(dict.fromkeys(node.out_funcs))
    return tuple(dict.fromkeys(_target(node, case) for case in read_cases(node)))


def fans_of(node: DAGNode) -> Iterator[Step]:
    """Yield the split in each case that leads to several steps."""
    for case in read_cases(node):
        if case.others:
            name = _target(node, case)
            yield Step(name, "split", _steps_of(case), case_of=node.name)


def refuse_cases(graph: FlowGraph, node: DAGNode) -> None:
    """Refuse cases of several steps that this Metaflow would not run, or that nothing could tell apart.

    Raises
    ------
    UnsupportedFlow
        Naming the step and the case.
    """
    cases = read_cases(node)
    for case in (case for case in cases if case.others):
        reason = _mixed_up(node, case, cases) or _unknown(graph, node, case)
        if reason:
            raise UnsupportedFlow(
                f"the step '{node.name}' has a case, {case.value!r}, that leads to several steps at once"
                f"{reason}"
            )


def _mixed_up(node: DAGNode, case: Case, cases: Iterable[Case]) -> str:
    """Return what is wrong with the steps of a case, or nothing; newer versions of Metaflow refuse it too."""
    steps = _steps_of(case)
    if len(set(steps)) < len(steps) or node.name in steps:
        return ", and names one of them twice, or the step itself: name each once, and others only"
    others = {step: other.value for other in cases if other is not case for step in _steps_of(other)}
    both = [step for step in steps if step in others]
    if both:
        return f", and shares '{both[0]}' with {others[both[0]]!r}: give each case steps of its own"
    return ""


def _unknown(graph: FlowGraph, node: DAGNode, case: Case) -> str:
    """Return why this Metaflow cannot run a case, or nothing."""
    if finds_case(graph, node.name, _steps_of(case)):
        return ""
    return (
        ", which this version of Metaflow has in part only: it reads the case, and the join of those steps "
        "would not know that it was chosen. Let the case lead to one step that splits"
    )


def _steps_of(case: Case) -> tuple[str, ...]:
    return (case.step, *case.others)


def _target(node: DAGNode, case: Case) -> str:
    """Return what a switch leads to by a case; no step has a name like that of a fan."""
    return f"{node.name}/{case.step}" if case.others else case.step


def _targets(target: object) -> tuple[str, ...]:
    return (target,) if isinstance(target, str) else tuple(target)  # type: ignore[arg-type]


def _value(value: object) -> str:
    """Return the value of a case as a person would write it; Metaflow marks those of a config."""
    return str(value).removeprefix("config:")
