"""Reads Metaflow's graph of a flow."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from metaflow_windmill.errors import CompileError
from metaflow_windmill.graph.cases import fans_of, following, read_cases, refuse_cases
from metaflow_windmill.graph.dag import Dag, Decorator, Hooks, Retries, Step, StepKind
from metaflow_windmill.graph.needs import read_needs
from metaflow_windmill.graph.order import arrange
from metaflow_windmill.graph.unsupported import flow_problems, step_problems

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow.decorators import Decorator as MetaflowDecorator
    from metaflow.graph import DAGNode, FlowGraph

_KINDS: dict[str, StepKind] = {
    "start": "linear",
    "linear": "linear",
    "join": "linear",
    "split": "split",
    "foreach": "foreach",
    "split-switch": "switch",
    "end": "end",
}


def read_dag(graph: FlowGraph, flow_decorators: Iterable[MetaflowDecorator] = ()) -> Dag:
    """Read Metaflow's graph of a flow.

    Parameters
    ----------
    graph : FlowGraph
        Of a flow that Metaflow's own checks have passed, its decorators attached.
    flow_decorators : iterable of FlowDecorator
        The decorators of the flow class.

    Returns
    -------
    Dag
        With `problems` for whatever the compiler has to refuse.

    Raises
    ------
    CompileError
        If the graph has no start or end, or is not well-formed.
    """
    if graph.start_step is None or graph.end_step is None:
        raise CompileError(
            f"{graph.name} needs exactly one start and one end step: the flow's own command 'check' says more"
        )
    for node in graph:
        refuse_cases(graph, node)
    steps = {node.name: _step(node) for node in graph}
    fans = {fan.name: fan for node in graph for fan in fans_of(node)}
    joins = {node.name for node in graph if node.type == "join"}
    arranged = arrange({**steps, **fans}, graph.start_step, joins)
    order = tuple(step for step in arranged if step.case_of is None)
    decorators = tuple(flow_decorators)
    problems = chain(flow_problems(decorators), *(step_problems(graph[step.name]) for step in order))
    return Dag(
        name=graph.name,
        start=graph.start_step,
        end=graph.end_step,
        steps=order,
        doc=graph.doc or "",
        exit_hooks=_exit_hooks(decorators),
        problems=tuple(problems),
        fans=tuple(step for step in arranged if step.case_of is not None),
    )


def _exit_hooks(decorators: Iterable[MetaflowDecorator]) -> Hooks:
    hooks = [deco.attributes for deco in decorators if deco.name == "exit_hook"]

    def named(when: str) -> tuple[str, ...]:
        functions = chain.from_iterable(attributes[when] for attributes in hooks)
        return tuple(getattr(function, "__name__", None) or str(function) for function in functions)

    return Hooks(named("on_success"), named("on_error"))


def _step(node: DAGNode) -> Step:
    targets = following(node)
    return Step(
        name=node.name,
        kind=_kind(node),
        next=tuple(name for name in targets if name != node.name),
        recursive=node.name in targets,
        cases=read_cases(node),
        over=node.condition or node.foreach_param,
        parallel=node.parallel_step,
        retries=_retries(node),
        timeout=_timeout(node),
        needs=read_needs(node),
        doc=node.doc or "",
        decorators=_decorators(node),
    )


def _kind(node: DAGNode) -> StepKind:
    if node.type not in _KINDS or (node.type != "end" and not node.out_funcs):
        raise CompileError(
            f"the step '{node.name}' does not end in a call of self.next that Metaflow understands: "
            "the flow's own command 'check' says more"
        )
    return "gang" if node.parallel_foreach else _KINDS[node.type]


def _retries(node: DAGNode) -> Retries:
    counts = [deco.step_task_retry_count() for deco in node.decorators]
    # Metaflow's runtime takes None from any decorator as: never try this step again.
    if any(user is None and error is None for user, error in counts):
        return Retries()
    user = max((user for user, _ in counts), default=0)
    error = max((error for _, error in counts), default=0)
    # Without a retry of the user's there is only the attempt in which @catch gives the fallback.
    return Retries(user, error, _seconds_between(node) if user else 0)


def _seconds_between(node: DAGNode) -> int:
    """Return the delay that ``@retry`` asks for; without it Metaflow tries again at once."""
    minutes = [deco.attributes["minutes_between_retries"] for deco in node.decorators if deco.name == "retry"]
    return int(float(minutes[0]) * 60) if minutes else 0


def _timeout(node: DAGNode) -> int | None:
    units = {"seconds": 1, "minutes": 60, "hours": 3600}
    for deco in node.decorators:
        if deco.name == "timeout":
            # From the command line (--with timeout:seconds=5) the numbers come as texts.
            return sum(int(deco.attributes[unit]) * seconds for unit, seconds in units.items()) or None
    return None


def _decorators(node: DAGNode) -> tuple[Decorator, ...]:
    from metaflow.util import to_pod

    return tuple(Decorator(deco.name, to_pod(deco.attributes)) for deco in node.decorators)
