"""What is drawn beside a random graph is in its flow file, which stays Python."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

from tests.support.flow_files import write_flow
from tests.support.fuzz.endings import Ending, Hook, drawn_ending
from tests.support.graphs import Foreach, Step, lower

NAMES = ("start", "each", "join", "after")
GRAPH = lower((Foreach(2, (Step(),)), Step()), NAMES, "Flow", ends="end")
NOTES = Path("/notes")


def test_a_step_fails_and_the_hooks_stand_before_the_flow() -> None:
    hooks = (Hook("GOOD_0", asks=True, stumbles=False), Hook("GOOD_1", asks=False, stumbles=True))
    tree = ast.parse(Ending(hooks, (), "each", 1).written(write_flow(GRAPH), GRAPH, NOTES))
    flow = next(node for node in tree.body if isinstance(node, ast.ClassDef))
    assert ast.unparse(flow.decorator_list[0]) == "EXIT_HOOK(on_success=[GOOD_0, GOOD_1])"
    steps = {node.name: ast.unparse(node) for node in flow.body if isinstance(node, ast.FunctionDef)}
    assert [name for name, text in steps.items() if "raise RuntimeError('this task fails')" in text] == [
        "each"
    ]


def test_all_kinds_are_drawn_and_nothing_else_is_changed() -> None:
    graphs = [replace(GRAPH, name=f"Flow_{number}") for number in range(40)]
    endings = [drawn_ending(5, graph) for graph in graphs]
    assert endings == [drawn_ending(5, graph) for graph in graphs]
    assert any(ending == Ending(at=ending.at) for ending in endings)
    for kind in ("fails", "on_success", "on_error"):
        assert any(getattr(ending, kind) for ending in endings)
    for graph, ending in zip(graphs, endings, strict=True):
        ast.parse(ending.written(write_flow(graph), graph, NOTES))
    assert Ending().written(write_flow(GRAPH), GRAPH, NOTES) == write_flow(GRAPH)
