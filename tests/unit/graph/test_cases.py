"""Cases that lead to several steps: on a Metaflow that has them, that has a half of them, that has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import metaflow
import pytest
from tests.support.dags import dag_of, load_flow
from tests.support.fans import dag_with_fans, splits_of_cases, with_fans
from tests.support.flow_files import write_flow
from tests.support.graphs import Block, Choice, Foreach, Split, Step, Switch, lower
from tests.support.loaded import flow_graph

from metaflow_windmill.errors import UnsupportedFlow
from metaflow_windmill.graph import Case, read_dag

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.graphs import Graph

pytestmark = pytest.mark.metaflow

HAS_THEM = hasattr(metaflow.graph, "switch_case_targets")
with_them = pytest.mark.skipif(not HAS_THEM, reason="a Metaflow whose cases lead to one step each")

FLOW = """\
from metaflow import FlowSpec, step

class Several(FlowSpec):
    @step
    def start(self):
        self.way = "many"
        self.next({{{cases}}}, condition="way")
    @step
    def a(self):
        self.next(self.join)
    @step
    def b(self):
        self.next(self.join)
    @step
    def join(self, inputs):
        self.next(self.after)
    @step
    def after(self):
        self.next(self.end)
    @step
    def end(self):
        pass
"""


def written(tmp_path: Path, cases: str) -> Path:
    file = tmp_path / "several.py"
    file.write_text(FLOW.format(cases=cases), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        (["a", "b"], "in part only: it reads the case, and the join"),
        (["a", "a"], "and names one of them twice, or the step itself"),
        (["a", "start"], "and names one of them twice, or the step itself"),
        (["a", "after"], "and shares 'after' with 'one': give each case steps of its own"),
    ],
)
def test_a_metaflow_that_has_a_half_of_it_is_told_by_the_case(
    tmp_path: Path, targets: list[str], told: str
) -> None:
    graph = load_flow(written(tmp_path, '"one": self.after, "many": self.a'))._graph
    # A half: the graph has the list, and neither the steps' places in it nor the join's rule is there.
    graph["start"].switch_cases["many"] = targets
    graph["start"].out_funcs = ["after", *targets]
    with pytest.raises(UnsupportedFlow) as refused:
        read_dag(graph)
    assert str(refused.value).startswith(
        "the step 'start' has a case, 'many', that leads to several steps at once, "
    )
    assert told in str(refused.value)


def test_a_list_of_one_step_is_that_step(tmp_path: Path) -> None:
    graph = load_flow(written(tmp_path, '"one": self.after, "many": self.join'))._graph
    graph["start"].switch_cases["one"] = ["after"]
    graph["join"].type = "linear"
    dag = read_dag(graph)
    assert dag["start"].cases == (Case("one", "after"), Case("many", "join"))
    assert (dag["start"].next, dag.fans) == (("after", "join"), ())


@with_them
def test_a_case_is_read_as_a_split_without_a_task_of_its_own(tmp_path: Path) -> None:
    dag = dag_of(written(tmp_path, '"one": self.after, "many": (self.a, self.b)'))
    assert dag["start"].cases == (Case("one", "after"), Case("many", "a", ("b",)))
    assert dag["start"].next == ("after", "start/a")
    (fan,) = dag.fans
    assert (fan.name, fan.kind, fan.next, fan.case_of) == ("start/a", "split", ("a", "b"), "start")
    assert (dag["join"].joins, dag.joins_of("start/a")) == (("start/a",), ("join",))
    assert [step.name for step in dag.steps] == ["start", "a", "b", "join", "after", "end"]
    assert (dag.chosen_as("start/a"), dag.chosen_as("after")) == ("a", "after")


STEP = (Step(),)
PAIR = Split((STEP, STEP))
GRAPHS = {
    "beside one step": ((Step(), Switch(Choice((("a", 0), ("b", -1))), (Block((PAIR,)),)))),
    "two cases": (
        Switch(Choice((("a", 0), ("b", 1))), (Block((PAIR, Step())), Block((Split((STEP,) * 3),))))
    ),
    "in a foreach": (Foreach(2, (Switch(Choice((("a", 0), ("b", -1))), (Block((PAIR,)),)), Step())),),
    "with a foreach inside": (
        (Switch(Choice((("a", 0), ("b", -1))), (Block((Split((STEP, (Foreach(2, STEP),))),)),)),)
    ),
    "in a branch of another": (
        (Switch(Choice((("a", 0), ("b", -1))), (Block((Split((STEP, (PAIR, Step()))),)),)),)
    ),
    "out of a recursion": (
        Step(),
        Switch(Choice((("a", 0), ("b", -1)), again="again", turns=(2,)), (Block((PAIR,)),)),
    ),
}


@with_them
@pytest.mark.parametrize(
    "graph", [lower(body if isinstance(body, tuple) else (body,)) for body in GRAPHS.values()], ids=GRAPHS
)
def test_what_is_read_is_the_split_without_its_step(graph: Graph) -> None:
    assert splits_of_cases(graph)
    expected = dag_with_fans(read_dag(flow_graph(write_flow(graph), graph.name)), splits_of_cases(graph))
    assert read_dag(flow_graph(write_flow(with_fans(graph)), graph.name)) == expected
