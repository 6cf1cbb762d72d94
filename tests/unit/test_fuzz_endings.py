"""What is drawn beside a random graph is in its flow file, and Metaflow takes it."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.support.flow_files import write_flow
from tests.support.fuzz.endings import Ending, Hook, drawn_ending
from tests.support.strategies import drawn_graphs

SEED = 5


def test_a_step_fails_and_the_hooks_stand_before_the_flow() -> None:
    (graph,) = drawn_graphs(SEED, 1)
    hooks = (Hook("GOOD_0", asks=True, stumbles=False), Hook("GOOD_1", asks=False, stumbles=True))
    ending = Ending(hooks, (), graph.start.name, 1)
    text = ending.written(write_flow(graph), graph, Path("/notes"))
    tree = ast.parse(text)
    flow = next(node for node in tree.body if isinstance(node, ast.ClassDef))
    assert ast.unparse(flow.decorator_list[0]) == "EXIT_HOOK(on_success=[GOOD_0, GOOD_1])"
    step = next(
        node for node in flow.body if isinstance(node, ast.FunctionDef) and node.name == graph.start.name
    )
    assert "raise RuntimeError('this task fails')" in ast.unparse(step.body[1])


def test_all_kinds_are_drawn_and_nothing_else_is_changed() -> None:
    graphs = drawn_graphs(SEED, 40)
    endings = [drawn_ending(SEED, graph) for graph in graphs]
    assert endings == [drawn_ending(SEED, graph) for graph in graphs]
    assert any(ending == Ending(at=ending.at) for ending in endings)
    for kind in ("fails", "on_success", "on_error"):
        assert any(getattr(ending, kind) for ending in endings)
    for graph, ending in zip(graphs, endings, strict=True):
        ast.parse(ending.written(write_flow(graph), graph, Path("/notes")))
    plain = write_flow(graphs[0])
    assert Ending().written(plain, graphs[0], Path("/notes")) == plain
