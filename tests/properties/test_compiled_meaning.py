"""What a compiled graph runs is what the graph says: random graphs, the real engine, simulated tasks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.carried import bench
from tests.support.deployments import fixed_deployment
from tests.support.expected import expected_tasks, foreaches_around
from tests.support.fans import dag_with_fans, splits_of_cases, with_fans
from tests.support.flow_files import write_flow
from tests.support.loaded import flow_graph
from tests.support.strategies import graphs, switches_to_splits

from metaflow_windmill.compiler import ArmLimits, compile_flow
from metaflow_windmill.graph import read_dag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hypothesis.strategies import SearchStrategy
    from tests.support.carried import Bench, Carried
    from tests.support.graphs import Graph

pytestmark = pytest.mark.metaflow

# Not `st.randoms`, which draws while the test runs.
_RANDOMS = st.integers(0, 999).map(Random)

thorough = settings(
    max_examples=15, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("bench")) as made:
        yield made


@dataclass(frozen=True)
class Way:
    """How a graph is compiled and carried: in which order its jobs end, how many at a time."""

    random: Random
    at_once: int
    max_workers: int | None = None
    limits: ArmLimits | None = None
    pack: int | None = None
    max_splits: int | None = None


def carried(stand: Bench, graph: Graph, way: Way) -> Carried:
    dag = read_dag(flow_graph(write_flow(graph), graph.name))
    deployment = fixed_deployment(dag.name, way.max_workers, way.pack, way.max_splits)
    value = compile_flow(dag, deployment, way.limits).value.to_json()
    return stand.carry(graph, value, way.random, way.at_once)


def of_cases(stand: Bench, graph: Graph, way: Way) -> tuple[Graph, Carried]:
    """Carry a graph whose cases lead to the steps of a split at once, instead of to the split."""
    without = with_fans(graph)
    dag = dag_with_fans(read_dag(flow_graph(write_flow(graph), graph.name)), splits_of_cases(graph))
    deployment = fixed_deployment(dag.name, way.max_workers, way.pack, way.max_splits)
    value = compile_flow(dag, deployment, way.limits).value.to_json()
    return without, stand.carry(without, value, way.random, way.at_once)


def ways(limits: ArmLimits) -> SearchStrategy[Way]:
    lanes, packs, most = (st.sampled_from(some) for some in ([None, 1, 2], [None, 2, 50], [500, 501]))
    return st.builds(Way, _RANDOMS, st.integers(1, 8), lanes, st.just(limits), packs, most)


@pytest.mark.parametrize("limits", [ArmLimits(), ArmLimits(0, 0)], ids=["arms", "flat"])
def test_every_task_runs_once_and_reads_from_the_right_ones(stand: Bench, limits: ArmLimits) -> None:
    @thorough
    @given(graphs(most_tasks=60), ways(limits))
    def holds(graph: Graph, way: Way) -> None:
        run = carried(stand, graph, way)
        assert run.outcome == "success", run.result
        assert {task.me: task for task in run.simulation.done.values()} == expected_tasks(graph)

    holds()


@pytest.mark.parametrize("limits", [ArmLimits(), ArmLimits(0, 0)], ids=["arms", "flat"])
def test_each_step_of_a_case_of_several_runs_once(stand: Bench, limits: ArmLimits) -> None:
    @thorough
    @given(graphs(depth=1, most_tasks=60, first=switches_to_splits()), ways(limits))
    def holds(graph: Graph, way: Way) -> None:
        without, run = of_cases(stand, graph, way)
        assert any(node.fans for node in without.nodes)
        assert run.outcome == "success", run.result
        assert {task.me: task for task in run.simulation.done.values()} == expected_tasks(without)

    holds()


@thorough
@given(graphs(most_tasks=60), _RANDOMS, st.integers(1, 3), st.sampled_from([500, 501]))
def test_max_workers_holds_for_each_foreach(
    stand: Bench, graph: Graph, random: Random, max_workers: int, most: int
) -> None:
    run = carried(stand, graph, Way(random, 100, max_workers, max_splits=most))
    around = foreaches_around(graph)
    for names in run.together:
        at_once = Counter(foreach for name in names for foreach in around[run.simulation.done[name].me])
        assert all(count <= max_workers for count in at_once.values()), at_once


@thorough
@given(graphs(most_tasks=40, with_gang=True), _RANDOMS)
def test_a_gang_is_one_task_for_windmill(stand: Bench, graph: Graph, random: Random) -> None:
    run = carried(stand, graph, Way(random, 4))
    assert {task.me: task for task in run.simulation.done.values()} == expected_tasks(graph)
