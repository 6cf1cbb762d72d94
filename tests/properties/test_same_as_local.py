"""Any graph that Metaflow accepts runs on Windmill as it does with ``python flow.py run``.

Random graphs. What those of the usual seed do locally is recorded; all others are run both ways, as many as
``scripts/fuzz`` is asked for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import run_on_windmill
from tests.support.expected import contradictions
from tests.support.flow_files import write_flow
from tests.support.oracle import Home, compare
from tests.support.recorded import known_local_run
from tests.support.strategies import drawn_graphs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.deployed import Target
    from tests.support.graphs import Graph

pytestmark = pytest.mark.metaflow

USUAL = 8
"""The seed whose local runs are recorded."""
SEED = int(os.environ.get("FUZZ_SEED", USUAL))
COUNT = int(os.environ.get("FUZZ_COUNT", "8"))


@pytest.fixture(scope="session")
def drawn() -> list[Graph]:
    return drawn_graphs(SEED, COUNT, most_tasks=14)


@pytest.mark.parametrize("number", range(COUNT))
def test_runs_as_it_does_locally(tmp_path: Path, windmill: Target, drawn: list[Graph], number: int) -> None:
    graph = drawn[number]
    home = Home(tmp_path)
    text = write_flow(graph)
    flow = home.write("drawn", text)

    local = known_local_run(home, flow, graph.name, keep=SEED == USUAL)
    there = run_on_windmill(home, windmill, flow, graph.name)

    differences = [f"Locally, {sentence}" for sentence in contradictions(graph, local)]
    differences += compare(local, there)
    told = "\n".join(differences)
    assert not differences, f"FUZZ_SEED={SEED} FUZZ_COUNT={COUNT}\n{told}\n\n{text}\n{there.log[-4000:]}"
