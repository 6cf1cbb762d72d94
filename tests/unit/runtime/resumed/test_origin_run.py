from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest
from tests.support.tasks import MemoryTasks, reads, record, task

from metaflow_windmill.contract.record import ParameterInfo
from metaflow_windmill.contract.resume_argument import Origin, ResumeOrder
from metaflow_windmill.contract.task_spec import TaskSpec
from metaflow_windmill.errors import RetryNotAllowed
from metaflow_windmill.runtime.position.task_ids import PARAMETERS, UNBOUNDED
from metaflow_windmill.runtime.resumed.origin_run import (
    Clone,
    begin,
    cloned_outcome,
    clones,
    inherited,
    parameters_of,
    places,
)

if TYPE_CHECKING:
    from metaflow_windmill.runtime.position.tasks import Tasks
    from metaflow_windmill.types import Json

OLD = "windmill-old"
GRAPH = {
    "steps": {"start": {"type": "linear", "next": ["end"]}, "end": {"type": "end", "next": []}},
    "constants": [{"name": "LIMIT", "type": "int"}],
}


@dataclass(frozen=True)
class Frame:
    """A foreach around a task, as Metaflow's tuple has it."""

    index: int | None
    var: str = "items"


@dataclass(frozen=True)
class Gang:
    num_parallel: int


@dataclass(frozen=True)
class Uploaded:
    descriptor: dict[str, str]


def as_tasks(tasks: MemoryTasks) -> Tasks:
    return cast("Tasks", tasks)


def found(said: Origin, origin: MemoryTasks, new: MemoryTasks | None = None, **at: Json) -> list[Clone]:
    this = task(reads("before"), **at)
    return list(clones(this, said, as_tasks(new or MemoryTasks()), as_tasks(origin)))


def test_the_task_at_the_same_position_is_cloned_if_it_succeeded() -> None:
    origin = MemoryTasks()
    origin.ended_well("here/t-1.2")
    here = [("foreach", 1), ("turn", 2)]
    assert found(Origin(OLD), origin, levels=here) == [Clone(f"{OLD}/here/t-1.2", "t-1.2")]
    assert found(Origin(OLD), origin, levels=[("foreach", 2)]) == []
    assert found(Origin(OLD, ("here",)), origin, levels=here) == []
    origin.artifacts["here/t-1.2", "_task_ok"] = False
    assert found(Origin(OLD), origin, levels=here) == []


def test_a_run_from_elsewhere_is_found_by_the_places_that_were_kept() -> None:
    origin, new = MemoryTasks(), MemoryTasks()
    origin.ended_well("here/17", _foreach_stack=[Frame(0), Frame(3)], _iteration_stack=[1])
    origin.ended_well("here/18", _foreach_stack=[Frame(1), Frame(0)], _iteration_stack=[0])
    origin.ended_well("_parameters/0")
    for step, ids in places(as_tasks(origin)).items():
        new.keep(f"origin.{step}.json", ids)
    assert new.things == {"origin.here.json": {"t-0-3.1": "17", "t-1-0.0": "18"}}
    here = [("foreach", 1), ("foreach", 0), ("turn", 0)]
    assert found(Origin("1234"), origin, new, levels=here) == [Clone("1234/here/18", "t-1-0.0")]
    assert found(Origin("1234"), origin, new, levels=[("foreach", 9)]) == []


@pytest.mark.parametrize("first", [None, 0])
def test_a_gang_is_cloned_as_a_whole(first: int | None) -> None:
    origin, new = MemoryTasks(), MemoryTasks()
    names = ["7", "7_node_1"]
    for index, name in zip((first, 1), names, strict=True):
        stack = [Frame(2), Frame(index, "_parallel_ubf_iter")]
        origin.ended_well(f"here/{name}", _foreach_stack=stack)
    origin.artifacts["here/7", "_control_mapper_tasks"] = [f"1234/here/{name}" for name in names]
    assert places(as_tasks(origin)) == {"here": {"t-2": "7"}}
    new.keep("origin.here.json", {"t-2": "7"})
    said, here = Origin("1234"), [("foreach", 2)]
    assert found(said, origin, new, levels=here, gang=True) == [
        Clone("1234/here/7", "t-2"),
        Clone("1234/here/7_node_1", "t-2_node_1"),
    ]
    origin.artifacts["here/7_node_1", "_task_ok"] = False
    assert found(said, origin, new, levels=here, gang=True) == []


def test_a_clone_tells_what_the_task_told() -> None:
    origin = MemoryTasks()
    origin.ended_well("s/t", _transition=(["left"], None))
    origin.ended_well("f/t", _transition=(["body"], "items"), _foreach_num_splits=3)
    origin.ended_well(
        "g/t", _foreach_num_splits=None, _foreach_var="_parallel_ubf_iter", _parallel_ubf_iter=Gang(4)
    )
    origin.ended_well("u/t", _foreach_num_splits=None, _foreach_var="items")

    def told(spec: TaskSpec) -> Json:
        return cloned_outcome(spec, as_tasks(origin), f"{spec.step}/t")

    assert told(TaskSpec("s", tells="branch")) == {"branch": "left", "splits": None}
    assert told(TaskSpec("f", tells="splits")) == {"branch": None, "splits": 3}
    assert told(TaskSpec("g", tells="splits")) == {"branch": None, "splits": 4}
    assert told(TaskSpec("u", tells="splits")) == {"branch": None, "splits": UNBOUNDED}
    assert told(TaskSpec("s")) == {"branch": None, "splits": None}


INFOS = (
    ParameterInfo("alpha", "alpha", "float", default=1.0),
    ParameterInfo("a-file", "file", "file"),
    ParameterInfo("added", "added", "str", default="new"),
    ParameterInfo("fixed", "fixed", "constant", default="{'a': 1}"),
)


def test_parameters_keep_their_values_unless_they_are_given_anew() -> None:
    before = {"alpha": 0.25, "file": Uploaded({"url": "/x"}), "gone": 1, "fixed": {"a": 1}}
    given = {"alpha": 3, "added": "given"}
    here = record(parameters=INFOS)
    assert inherited(ResumeOrder(OLD), here, given, before) == {
        "alpha": 0.25,
        "a-file": '{"url": "/x"}',
        "added": "given",
    }
    assert inherited(ResumeOrder(OLD, parameters=("alpha",)), here, given, before)["alpha"] == 3


def test_what_the_tasks_of_a_resumed_run_are_told() -> None:
    new, origin = MemoryTasks(), MemoryTasks()
    new.ended_well(PARAMETERS, _graph_info=GRAPH)
    before = {"alpha": 1, "file": None, "fixed": {"a": 1}, "_graph_info": GRAPH}
    here = record(parameters=INFOS)
    order = ResumeOrder(OLD, ("end",), ("a-file",))
    said = begin(order, here, as_tasks(new), before, as_tasks(origin))
    assert said == Origin(OLD, ("end",), ("_graph_info", "LIMIT", "file", "added"))
    assert new.things == {}
    without = {key: value for key, value in before.items() if key != "_graph_info"}
    assert begin(order, here, as_tasks(new), without, as_tasks(origin)) == said


def test_a_run_that_kept_nothing_cannot_be_resumed() -> None:
    with pytest.raises(
        RetryNotAllowed, match="There is nothing of the run 12 of Flow in the datastore /data"
    ):
        parameters_of("12", record(), as_tasks(MemoryTasks()))
