"""What holds for the document of any graph that Metaflow accepts."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.dags import dag_of
from tests.support.deployments import fixed_deployment
from tests.support.flow_files import write_flow
from tests.support.harness_graphs import FOLDER, harness_graphs
from tests.support.openflow_schema import check_openflow
from tests.support.strategies import graphs
from tests.support.walk import Found, all_modules

from metaflow_windmill.compiler import ArmLimits, compile_flow, mermaid
from metaflow_windmill.compiler.module_ids import RESERVED
from metaflow_windmill.openflow import read_flow_value

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.graphs import Graph

    from metaflow_windmill.graph import Dag
    from metaflow_windmill.types import Json

pytestmark = pytest.mark.metaflow

THOROUGH = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

# The forms that Windmill answers by a look-up, and the few that need its JavaScript engine.
LOOK_UP = re.compile(r"flow_env\.metaflow|flow_input(\.iter(_parent)*)?|results\.\w+(\.[a-z_]+)?")
IN_A_LANE = re.compile(r"results\.\w+\.foreach\[flow_input\.iter\.value\]")
IN_A_CHUNK = re.compile(r"Array\.from\(\{length: flow_input\.iter\.value\[1\]\}, .*\)")
IN_LANES = re.compile(r"results\.\w+\.lanes")
"""What the loop over the lanes goes over; a step may have any name, that of a lane too."""
WHICH_JOIN = re.compile(r"\[.*\]\.includes\(results\.\w+(\[0\])+\.step\)")
_LAST = r"results\.\w+(\.slice\(-1\)\[0\])?"
WHO_RAN = re.compile(rf'{_LAST}\.branch === "\w+"|\[["\w, ]+\]\.includes\({_LAST}(\[0\])*\.step\)')


class Compiled:
    """A graph's flow as Metaflow reads it, and the document it compiles to."""

    def __init__(
        self,
        folder: Path,
        graph: Graph,
        max_workers: int | None,
        limits: ArmLimits | None = None,
        most: int | None = None,
    ) -> None:
        text = write_flow(graph)
        # Python remembers the lines of a file by its path: each flow needs one of its own.
        file = folder / f"flow_{abs(hash(text))}.py"
        file.write_text(text, encoding="utf-8")
        self.dag: Dag = dag_of(file)
        deployment = fixed_deployment(self.dag.name, max_workers, max_splits=most)
        self.document = compile_flow(self.dag, deployment, limits)
        self.value: Json = self.document.to_json()["value"]
        self.found: list[Found] = list(all_modules(self.value["modules"]))

    @property
    def leaves(self) -> list[Found]:
        return [found for found in self.found if found.is_task]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("flows")


def iterated(found: Found) -> str:
    """Return what a loop goes over; nothing of a module that is none."""
    return str(found.module["value"].get("iterator", {}).get("expr", ""))


def check(compiled: Compiled) -> None:
    check_openflow(compiled.value)
    check_ids(compiled)
    check_steps(compiled)
    check_skips(compiled)
    check_copies(compiled)
    check_rules(compiled)
    check_expressions(compiled)
    assert read_flow_value(compiled.value).to_json() == compiled.value
    assert read_flow_value(compiled.value) == compiled.document.value
    check_diagram(compiled)


def check_ids(compiled: Compiled) -> None:
    counted = Counter(found.id for found in compiled.found)
    assert [id_ for id_, times in counted.items() if times > 1] == []
    assert all(re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", id_) for id_ in counted)
    assert not RESERVED & set(counted)


def check_steps(compiled: Compiled) -> None:
    assert {found.step for found in compiled.leaves} == {step.name for step in compiled.dag.steps}
    first, last, published = (compiled.value["modules"][number] for number in (0, -2, -1))
    if not compiled.dag[compiled.dag.start].recursive:
        assert first["summary"] == compiled.dag.start
    assert last["summary"] == compiled.dag.end
    assert published["value"]["input_transforms"]["task"]["value"] == {"publish": compiled.dag.end}
    assert published["continue_on_error"] is True


def check_skips(compiled: Compiled) -> None:
    """Only leaves are skipped, and no condition looks at what its own module changes.

    A server may ask `skip_if` of a container again before each turn or arm; then `results` has
    what ran inside it, and `results.<module before>` that of the last turn.
    """
    inside: dict[str, set[str]] = {}
    for found in compiled.found:
        for around in found.around:
            inside.setdefault(around.id, {around.id}).add(found.id)
    places = {found.id: number for number, found in enumerate(compiled.found)}
    for found in compiled.found:
        if "skip_if" in found.module:
            assert found.type == "rawscript"
        asked = {id_ for told in conditions(found.module) for id_ in re.findall(r"results\.(\w+)", told)}
        assert not asked & inside.get(found.id, {found.id})
        # In a loop, whatever stands in another row may still have the result of a turn before.
        assert all(places[id_] < places[found.id] for id_ in asked)
        assert all(compiled.found[places[id_]].around == found.around for id_ in asked)


def conditions(module: Json) -> list[str]:
    """Return the expressions that decide whether a module, or which of its branches, runs."""
    branches = module["value"].get("branches", []) if module["value"]["type"] == "branchone" else []
    skips = [module["skip_if"]] if "skip_if" in module else []
    return [one["expr"] for one in (*branches, *skips)]


def check_copies(compiled: Compiled) -> None:
    """Two modules of one step stand in different arms of a choice, or are skipped: no run meets both."""
    left_out = {found.id for found in compiled.found if "skip_if" in found.module}
    left_out |= {found.id for found in compiled.found if found.type == "branchone"}
    by_step: dict[str, list[Found]] = {}
    for found in compiled.leaves:
        by_step.setdefault(found.step, []).append(found)
    for modules in by_step.values():
        for number, one in enumerate(modules):
            for other in modules[number + 1 :]:
                ways = {other.id, *(around.id for around in other.around)}
                assert one.parts_from(other) == "branchone" or ways & left_out


def check_rules(compiled: Compiled) -> None:
    for found in compiled.found:
        if found.type == "rawscript":
            continue
        assert "retry" not in found.module
        if "timeout" in found.module:
            (alone,) = found.module["value"]["modules"]
            assert found.module["timeout"] == alone["timeout"]
            assert not found.module["value"].get("parallel")


def check_expressions(compiled: Compiled) -> None:
    for found in compiled.found:
        value = found.module["value"]
        inputs = value.get("input_transforms", {}).values()
        assert all(item["type"] == "static" or LOOK_UP.fullmatch(item["expr"]) for item in inputs)
        if "iterator" in value:
            part = re.sub(r"__\d+$", "", found.id).rpartition("_")[2]
            form = {"lane": IN_A_LANE, "chunk": IN_A_CHUNK}.get(part, LOOK_UP)
            assert form.fullmatch(value["iterator"]["expr"])
        for branch in value.get("branches", []) if found.type == "branchone" else []:
            rest = WHO_RAN.sub("told", branch["expr"])
            assert WHICH_JOIN.fullmatch(branch["expr"]) or re.fullmatch(r"told( \|\| told)*", rest)
        if "skip_if" in found.module:
            rest = WHO_RAN.sub("told", found.module["skip_if"]["expr"])
            assert re.fullmatch(r"!\(told( \|\| told)*\)", rest)


def check_diagram(compiled: Compiled) -> None:
    drawn = mermaid(compiled.document.value)
    assert all(f"m_{found.id}[" in drawn for found in compiled.leaves)
    assert drawn.count("subgraph") == len(re.findall(r"^ +end$", drawn, re.MULTILINE))


@settings(THOROUGH, max_examples=60)
@given(
    graph=st.one_of(graphs(depth=3, most_tasks=60), graphs(with_gang=True)),
    max_workers=st.sampled_from([None, None, 1, 4]),
    limits=st.sampled_from([None, ArmLimits(0, 0)]),
    most=st.sampled_from([None, 50_000]),
)
def test_any_graph_compiles(
    folder: Path, graph: Graph, max_workers: int | None, limits: ArmLimits | None, most: int | None
) -> None:
    check(Compiled(folder, graph, max_workers, limits, most))


@settings(THOROUGH, max_examples=20)
@given(graph=graphs(depth=2, most_tasks=30))
def test_the_same_graph_gives_the_same_bytes(folder: Path, graph: Graph) -> None:
    one, other = Compiled(folder, graph, None), Compiled(folder, graph, None)
    assert json.dumps(one.document.to_json()) == json.dumps(other.document.to_json())


@settings(THOROUGH, max_examples=20)
@given(graph=graphs(depth=3, most_tasks=60), max_workers=st.integers(1, 3), most=st.sampled_from([None, 501]))
def test_with_max_workers_only_lanes_run_side_by_side(
    folder: Path, graph: Graph, max_workers: int, most: int | None
) -> None:
    modules = Compiled(folder, graph, max_workers, most=most).found
    in_lanes = {found.id for found in modules if IN_LANES.fullmatch(iterated(found))}
    for found in modules:
        inside_a_lane = any(around.id in in_lanes for around in found.around)
        assert not (inside_a_lane and found.module["value"].get("parallel"))
        assert "parallelism" not in found.module["value"]


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the harness's graphs are not beside this repository")
@pytest.mark.parametrize("max_workers", [None, 2])
def test_the_graphs_of_the_harness_compile(folder: Path, max_workers: int | None) -> None:
    given_graphs = harness_graphs()
    assert len({graph.name for graph in given_graphs}) >= 15
    for graph in given_graphs:
        check(Compiled(folder, graph, max_workers))
