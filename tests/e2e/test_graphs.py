"""Every graph of Metaflow's own test harness, generated as a flow and run, with a check of each task."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import run_on_windmill
from tests.support.expected import contradictions
from tests.support.flow_files import write_flow
from tests.support.harness_graphs import FOLDER, harness_graphs
from tests.support.oracle import Home

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.deployed import Target
    from tests.support.graphs import Graph

pytestmark = pytest.mark.metaflow

GRAPHS = [replace(graph, name=f"{graph.name}{number}") for number, graph in enumerate(harness_graphs())]


@pytest.mark.parametrize("graph", GRAPHS, ids=[graph.name for graph in GRAPHS])
def test_runs_as_the_graph_says(tmp_path: Path, windmill: Target, graph: Graph) -> None:
    home = Home(tmp_path)
    flow = home.write("flow", write_flow(graph))

    there = run_on_windmill(home, windmill, flow, graph.name)
    assert there.successful, there.log
    assert contradictions(graph, there) == []


def test_the_graphs_are_there() -> None:
    if not FOLDER.is_dir():
        pytest.skip(f"the harness's graphs are not part of this repository: {FOLDER} is not there")
    assert len({graph.name.rstrip("0123456789") for graph in GRAPHS}) == 15
