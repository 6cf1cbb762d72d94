"""Cases of a switch that lead to several steps at once, made of cases that lead to a split.

Metaflow's pull request 3328 has them and no release does, so a graph with them is made of one without: the
step that only splits is left out, and its case leads to what it split into.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from metaflow_windmill.graph import Case

if TYPE_CHECKING:
    from tests.support.graphs import Graph, Node

    from metaflow_windmill.graph import Dag, Step


def splits_of_cases(graph: Graph) -> list[str]:
    """Return the splits that their case can do without: nothing else leads to them or to their branches."""
    leading = [step for node in graph.nodes for step in _leading(node)]
    return [
        node.name
        for node in graph.nodes
        if node.kind == "split"
        and not (node.join or node.failures or node.caught)
        and leading.count(node.name) == 1
        and all(leading.count(step) == 1 for step in node.next)
        and graph.before(node).kind == "switch"
    ]


def _leading(node: Node) -> tuple[str, ...]:
    steps = tuple(step for _, step in node.cases) if node.cases else node.next
    return tuple(step for step in steps if step != node.name)


def with_fans(graph: Graph) -> Graph:
    """Return a graph without `splits_of_cases`."""
    left_out = {name: graph[name].next for name in splits_of_cases(graph)}

    def without(node: Node) -> Node:
        targets = tuple(step for name in node.next for step in left_out.get(name, (name,)))
        cases = tuple((key, left_out.get(step, (step,))[0]) for key, step in node.cases)
        fans = tuple(left_out[step] for step in node.next if step in left_out)
        return replace(node, next=targets, cases=cases, fans=fans)

    return replace(graph, nodes=tuple(without(node) for node in graph.nodes if node.name not in left_out))


def dag_with_fans(dag: Dag, splits: list[str]) -> Dag:
    """Return what `read_dag` makes of the graph without those splits, where Metaflow has such cases."""
    fans: dict[str, Step] = {}
    for name in splits:
        switch = next(step.name for step in dag.steps if name in step.next)
        fan = f"{switch}/{dag[name].next[0]}"
        fans[name] = replace(dag[name], name=fan, case_of=switch, doc="", decorators=())

    def without(step: Step) -> Step:
        return replace(
            step,
            next=tuple(fans[name].name if name in fans else name for name in step.next),
            joins=tuple(fans[name].name if name in fans else name for name in step.joins),
            cases=tuple(
                Case(case.value, *_several(fans[case.step].next)) if case.step in fans else case
                for case in step.cases
            ),
        )

    steps = tuple(without(step) for step in dag.steps if step.name not in fans)
    ordered = tuple(fans[step.name] for step in dag.steps if step.name in fans)
    return replace(dag, steps=steps, fans=tuple(map(without, ordered)))


def _several(steps: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    return steps[0], steps[1:]
