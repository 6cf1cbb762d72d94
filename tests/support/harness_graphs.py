"""The graphs of Metaflow's own test harness, kept as data beside this repository, as graphs to run."""

from __future__ import annotations

import ast
import json
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.expected import expected_tasks
from tests.support.graphs import Graph, Node

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

MOST_ITEMS = 3
FOLDER = Path(__file__).parents[3] / "shared" / "graphs"


def read_graph(data: Json, way: int = 0) -> Graph:
    """Return a graph of the harness.

    Parameters
    ----------
    data : JSON
        ``{"name", "graph": {step: ...}}``, as the harness has it.
    way : int
        Which case each switch takes first, one digit a switch; iterations of a foreach take
        the following ones.
    """
    nodes = []
    for name, step in data["graph"].items():
        way, digit = divmod(way, len(step.get("switch", "1")))
        nodes.append(_node(name, step, digit))
    return Graph("".join(word.title() for word in data["name"].replace("_", "-").split("-")), tuple(nodes))


def _node(name: str, step: Json, way: int) -> Node:
    if "switch" in step:
        return _switch(name, step["switch"], way)
    if "branch" in step:
        return Node(name, "split", tuple(step["branch"]))
    if "foreach" in step:
        # The harness's tests fill in the lists that its graphs leave empty.
        # Three show whatever six do: of the innermost of three foreaches there are six times as many tasks.
        items = min(len(ast.literal_eval(step["foreach_var_default"])), MOST_ITEMS) or MOST_ITEMS
        return Node(name, "foreach", (step["foreach"],), items=items)
    if "parallel" in step:
        return Node(name, "gang", (step["parallel"],), items=step["num_parallel"])
    if "linear" in step:
        return Node(name, "linear", (step["linear"],), join=step.get("join", False))
    return Node(name, "end")


def _switch(name: str, switch: dict[str, str], way: int) -> Node:
    cases = tuple(switch.items())
    leaving = [key for key, step in cases if step != name]
    picks = tuple(leaving[(way + turn) % len(leaving)] for turn in range(len(leaving)))
    return Node(name, "switch", tuple(switch.values()), cases=cases, picks=picks, turns=(3, 0, 1))


def harness_graphs() -> list[Graph]:
    """Return each graph of the harness once for each way its switches can go; none if they are absent."""
    graphs: list[Graph] = []
    for path in sorted(FOLDER.glob("*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        ways = prod(len(step.get("switch", "1")) for step in data["graph"].values())
        variants = {
            frozenset(expected_tasks(graph)): graph
            for graph in (read_graph(data, way) for way in range(ways))
        }
        graphs += variants.values()
    return graphs
