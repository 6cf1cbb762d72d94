"""A graph of plain data as the text of a flow file whose artifacts make its lineage checkable.

Every task stores ``ME`` (its step, its foreach indices, its turn), ``PARENTS`` (the ``ME`` of each
input) and ``TRACE`` (a digest of both and of the inputs' digests), so two runs that agree in
``TRACE`` at the end step agree in everything that led there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.graphs import Graph, Node

# A step may have any lower-case name, `step` and `retry` too, so all that a step needs is in upper case.
_HEAD = '''\
from hashlib import sha1

from metaflow import FlowSpec, current
from metaflow import catch as CATCH, parallel as PARALLEL, retry as RETRY, step as STEP

KINDS = [None, 1.5, 10**30, "ü\\u2603\\\\n", b"\\x00\\xff", (1, (2,)), {3}, {"a": [1, {}]}, True, range(3)]


def ARRIVE(flow, step_name, inputs=None):
    """Store who this task is and who its parents are."""
    sources = list(inputs) if inputs is not None else ([flow] if hasattr(flow, "ME") else [])
    known = sorted((list(source.ME), source.TRACE) for source in sources)
    turns = getattr(flow, "_iteration_stack", None) or []
    flow.PARENTS = [me for me, _ in known]
    flow.ME = [step_name, [frame[0] for frame in flow.foreach_stack() or []], list(turns)]
    flow.TRACE = sha1(repr((flow.ME, known)).encode()).hexdigest()
    flow.ATTEMPT = current.retry_count
    flow.ITEM = flow.input
    flow.KIND = KINDS[int(flow.TRACE, 16) % len(KINDS)]


def AT(flow, options):
    """Return the option that this task's position in its foreaches gives."""
    return options[sum(index or 0 for index in flow.ME[1]) % len(options)]

'''


def write_flow(graph: Graph) -> str:
    """Return the text of a flow file that has this graph.

    Parameters
    ----------
    graph : Graph

    Returns
    -------
    str
        Python source; running it as a script is Metaflow's command line.
    """
    members = {step for node in graph.nodes if node.kind == "gang" for step in node.next}
    steps = [_step(graph, node, gang=node.name in members) for node in graph.nodes]
    body = "\n".join(steps)
    return (
        f'{_HEAD}\nclass {graph.name}(FlowSpec):\n{body}\n\nif __name__ == "__main__":\n    {graph.name}()\n'
    )


def _step(graph: Graph, node: Node, *, gang: bool) -> str:
    arguments = "self, inputs" if node.join else "self"
    lines = [*_decorators(graph, node, gang=gang), f"def {node.name}({arguments}):"]
    lines += [f"    ARRIVE(self, {node.name!r}{', inputs' if node.join else ''})"]
    if node.failures or node.caught:
        lines.append(f"    if {node.caught} or current.retry_count < {node.failures}:")
        lines.append("        raise RuntimeError(f'attempt {current.retry_count} was told to fail')")
    lines += [f"    {line}" for line in _transition(node)]
    return "".join(f"    {line}\n" for line in lines)


def _decorators(graph: Graph, node: Node, *, gang: bool) -> list[str]:
    marks = []
    if node is graph.start and node.name != "start":
        marks.append("start=True")
    if node is graph.end and node.name != "end":
        marks.append("end=True")
    lines = [f"@RETRY(times={node.failures}, minutes_between_retries=0)"] if node.failures else []
    if node.caught:
        lines.append("@CATCH(print_exception=False)")
    if gang:
        lines.append("@PARALLEL")
    return [*lines, f"@STEP({', '.join(marks)})" if marks else "@STEP"]


def _transition(node: Node) -> list[str]:
    named = ", ".join(f"self.{step}" for step in node.next)
    if node.kind == "end":
        return []
    if node.kind == "foreach":
        items = [f"{node.name} {number}" for number in range(node.items)]
        # A name for each foreach: Metaflow looks up the items of all foreaches around a task by their names.
        return [f"self.ITEMS_{node.name} = {items!r}", f"self.next({named}, foreach='ITEMS_{node.name}')"]
    if node.kind == "gang":
        return [f"self.next({named}, num_parallel={node.items})"]
    if node.kind == "switch":
        return _switch(node)
    return [f"self.next({named})"]


def _switch(node: Node) -> list[str]:
    lines = [f"self.CONDITION = AT(self, {list(node.picks)!r})"]
    if node.recursive:
        lines.append(f"if self.ME[2][-1] < AT(self, {list(node.turns)!r}):")
        lines.append(f"    self.CONDITION = {node.again()!r}")
    cases = ", ".join(f"{key!r}: {_targets(node.together(step))}" for key, step in node.cases)
    return [*lines, f"self.next({{{cases}}}, condition='CONDITION')"]


def _targets(steps: tuple[str, ...]) -> str:
    named = ", ".join(f"self.{step}" for step in steps)
    return named if len(steps) == 1 else f"[{named}]"
