"""``mermaid``: draw the flow's graph, for a README or a review."""

from __future__ import annotations

from typing import Any

from metaflow_windmill.cli.flow.speech import flow_command, print_data
from metaflow_windmill.graph import Dag, Step, read_dag


@flow_command("Print the flow's graph as a Mermaid diagram.")
def command(obj: Any) -> None:  # noqa: ANN401  (Metaflow's CliState)
    """Print the diagram to stdout; no server is asked."""
    obj.check(obj.graph, obj.flow, obj.environment, pylint=False)
    print_data(diagram(read_dag(obj.graph)))


def diagram(dag: Dag) -> str:
    """Return a Mermaid flowchart of a graph."""
    lines = ["flowchart TD"]
    for step in dag.steps:
        lines.append(f"    {_id(step.name)}{_shape(step)}")
        lines += [f"    {_id(step.name)} {arrow} {_id(target)}" for arrow, target in _arrows(step)]
    return "\n".join(lines)


def _arrows(step: Step) -> list[tuple[str, str]]:
    if step.kind == "switch":
        return [(f'-->|"{_quoted(case.value)}"|', case.step) for case in step.cases]
    if step.kind in ("foreach", "gang"):
        label = f"each of {step.over}" if step.over else "each"
        return [(f'==>|"{_quoted(label)}"|', target) for target in step.next]
    return [("-->", target) for target in step.next]


def _shape(step: Step) -> str:
    text = f'"{_quoted(step.name)}"'
    if step.kind == "switch":
        return f"{{{text}}}"
    return f"[/{text}/]" if step.joins else f"[{text}]"


def _id(name: str) -> str:
    """Return an id that is no word of Mermaid's own, as `end` is."""
    return f"s_{name}"


def _quoted(text: str) -> str:
    return text.replace('"', "#quot;")
