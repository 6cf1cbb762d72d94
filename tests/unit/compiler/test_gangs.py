"""What a gang becomes: one job that runs its nodes, or a loop of which each is a job."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.support.deployments import fixed_deployment
from tests.support.small_dags import small_dag
from tests.support.walk import Found, all_modules

from metaflow_windmill.compiler import compile_flow
from metaflow_windmill.contract.task_spec import Input, ParentStep, TaskSpec
from metaflow_windmill.graph.dag import Needs, Retries

if TYPE_CHECKING:
    from metaflow_windmill.graph import Dag

GANG = {"start": "gang train", "train": "gather", "gather": "end", "end": ""}
IN_A_FOREACH = {"start": "foreach launch", "launch": "gang train", "train": "gather", "gather": "all"}


def apart(dag: Dag, **more: Any) -> Dag:
    """Return a graph whose step ``train`` has its nodes in jobs of their own."""
    said = {"parallel": True, "needs": Needs(gather=90), **more}
    return replace(
        dag, steps=tuple(replace(step, **said) if step.name == "train" else step for step in dag.steps)
    )


def modules(dag: Dag, max_workers: int | None = None) -> dict[str, Found]:
    value = compile_flow(dag, fixed_deployment(dag.name, max_workers)).to_json()["value"]
    return {found.id: found for found in all_modules(value["modules"])}


def inputs(found: Found) -> Any:
    return found.module["value"]["input_transforms"]


def spec(found: Found) -> TaskSpec:
    return TaskSpec.from_json(inputs(found)["task"]["value"])


def test_each_node_is_a_turn_of_a_parallel_loop() -> None:
    found = modules(apart(small_dag("gather", **GANG)))
    assert list(found)[:4] == ["start", "start_nodes", "train", "gather"]
    loop = found["start_nodes"].module["value"]
    assert (loop["iterator"]["expr"], loop["parallel"]) == ("results.start.foreach", True)
    assert "parallelism" not in loop
    node = spec(found["train"])
    assert (node.gang, node.gather, node.levels) == (False, 90, ("node",))
    assert node.inputs == (Input((ParentStep("start"),)),)
    assert inputs(found["train"])["splits"]["expr"] == "results.start.count"
    assert inputs(found["train"])["level_0"]["expr"] == "flow_input.iter"
    assert spec(found["gather"]).inputs == (Input((ParentStep("train"),), "gang"),)
    assert spec(found["gather"]).levels == ()


def test_without_a_word_of_it_one_job_runs_them() -> None:
    dag = small_dag("gather", **GANG)
    found = modules(apart(dag, needs=Needs()))
    assert list(found)[:3] == ["start", "train", "gather"]
    assert (spec(found["train"]).gang, spec(found["train"]).gather) == (True, None)


def test_the_nodes_are_side_by_side_in_a_lane_too() -> None:
    dag = small_dag("gather all", **IN_A_FOREACH, all="end", end="")
    found = modules(apart(dag), max_workers=2)
    parallel = {id_: one.module["value"].get("parallel") for id_, one in found.items()}
    assert (parallel["start_lane"], parallel["launch_nodes"]) == (False, True)
    assert spec(found["train"]).levels == ("foreach", "node")
    assert inputs(found["train"])["level_0"]["expr"] == "flow_input.iter_parent"
    assert inputs(found["train"])["level_1"]["expr"] == "flow_input.iter"


def test_a_node_is_tried_again_as_its_step_says_and_has_time_to_wait_for_the_others() -> None:
    dag = apart(small_dag("gather", **GANG), retries=Retries(2, 0, 60), timeout=100)
    train = modules(dag)["train"].module
    assert train["retry"]["constant"] == {"attempts": 2, "seconds": 60}
    assert train["timeout"] == 100 + 60 + 2 * 90
    assert "retry" not in modules(dag)["start_nodes"].module
