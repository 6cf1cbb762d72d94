from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from time import process_time
from typing import TYPE_CHECKING

import pytest
from tests.support.deployments import fixed_deployment
from tests.support.small_dags import linear_dag, small_dag
from tests.support.walk import Found, all_modules

from metaflow_windmill.compiler import compile_flow
from metaflow_windmill.contract.task_spec import Input, ParentStep, TaskSpec
from metaflow_windmill.errors import UnsupportedFlow
from metaflow_windmill.graph import Dag, Problem, Retries, Step

if TYPE_CHECKING:
    from metaflow_windmill.types import Json


def modules(dag: Dag, max_workers: int | None = None) -> dict[str, Found]:
    value = compile_flow(dag, fixed_deployment(dag.name, max_workers)).to_json()["value"]
    return {found.id: found for found in all_modules(value["modules"])}


def task(found: Found) -> TaskSpec:
    return TaskSpec.from_json(found.module["value"]["input_transforms"]["task"]["value"])


def expression(found: Found, name: str) -> str:
    return str(found.module["value"]["input_transforms"][name]["expr"])


def same(*steps: str) -> Input:
    return Input(tuple(ParentStep(step) for step in steps))


def test_the_start_step_makes_the_run_and_the_others_ask_it_for_the_run() -> None:
    found = modules(small_dag(start="a", a="end", end=""))
    assert expression(found["start"], "parameters") == "flow_input"
    assert "run" not in found["start"].module["value"]["input_transforms"]
    assert [expression(found[step], "run") for step in ("a", "end")] == ["results.start.run_id"] * 2
    assert [expression(found[step], "root") for step in ("a", "end")] == ["results.start.root"] * 2
    assert task(found["start"]).inputs == ()
    assert task(found["end"]).inputs == (same("a"),)


def test_the_run_is_asked_for_by_the_id_of_the_start_step() -> None:
    found = modules(small_dag(delete="end", end=""))
    assert expression(found["end"], "run") == "results.step_delete.run_id"


def test_the_step_after_a_switch_asks_the_latest_step_first() -> None:
    found = modules(small_dag(start="switch a m", a="switch b m", b="m", m="end", end=""))
    assert task(found["m"]).inputs == (same("b", "a", "start"),)
    assert task(found["b"]).inputs == (same("a"),)


def test_a_join_reads_each_branch_in_the_order_of_the_split() -> None:
    dag = small_dag("j", start="split z a", z="j", a="switch x y", x="j", y="j", j="end", end="")
    assert task(modules(dag)["j"]).inputs == (same("z"), same("y", "x"))


def test_a_copy_of_a_shared_step_has_only_the_parents_of_its_own_arm() -> None:
    dag = small_dag(start="switch a b c", a="shared", b="shared", shared="m", c="m", m="end", end="")
    found = modules(dag)
    assert task(found["shared"]).inputs == (same("a"),)
    assert task(found["shared__2"]).inputs == (same("b"),)
    assert task(found["m"]).inputs == (same("c", "shared"),)


def test_the_levels_of_a_task_are_given_outermost_first() -> None:
    dag = small_dag("j k", start="foreach o", o="foreach r", r="switch r x", x="j", j="k", k="end", end="")
    found = modules(dag)
    turn = found["r"]
    assert task(turn).levels == ("foreach", "foreach", "turn")
    assert [expression(turn, f"level_{number}") for number in range(3)] == [
        "flow_input.iter_parent_parent",
        "flow_input.iter_parent",
        "flow_input.iter",
    ]
    assert task(found["x"]).inputs == (Input((ParentStep("r", recursive=True),)),)
    assert task(found["j"]).inputs == (Input((ParentStep("x"),), "each"),)
    assert expression(found["j"], "splits") == "results.o.count"


def test_a_lane_is_no_level_and_does_one_task_at_a_time() -> None:
    dag = small_dag(
        "s j k",
        start="foreach o",
        o="foreach p",
        p="split x y",
        x="s",
        y="s",
        s="j",
        j="k",
        k="end",
        end="",
    )
    found = modules(dag, max_workers=3)
    assert (task(found["start"]).lanes, task(found["o"]).lanes) == (3, None)
    assert [expression(found["x"], f"level_{number}") for number in range(2)] == [
        "flow_input.iter_parent",
        "flow_input.iter",
    ]
    parallel = {id_: one.module["value"].get("parallel") for id_, one in found.items()}
    assert (parallel["start_foreach"], parallel["start_lane"]) == (True, False)
    assert (parallel["o_foreach"], parallel["p_split"]) == (False, False)


def test_a_gang_is_one_task_and_its_join_reads_all_nodes() -> None:
    found = modules(small_dag("j", start="gang t", t="j", j="end", end=""))
    assert list(found) == ["start", "t", "j", "end", "end_published"]
    assert task(found["j"]).inputs == (Input((ParentStep("t"),), "gang"),)
    assert task(found["t"]).levels == ()


def test_retries_go_to_the_leaf_and_stay_below_the_limit_of_metaflow() -> None:
    step = Step("only", "end", retries=Retries(user=4, error=3, seconds=60))
    found = modules(Dag("F", "only", "only", (step,)))["only"]
    assert found.module["retry"] == {
        "constant": {"attempts": 5, "seconds": 60},
        "retry_if": {"expr": "error?.extra?.final !== true"},
    }
    assert (task(found).retries, task(found).user_retries) == (5, 4)


def test_windmill_waits_a_little_longer_than_the_time_limit() -> None:
    found = modules(Dag("F", "only", "only", (Step("only", "end", timeout=30),)))
    assert found["only"].module["timeout"] == 90


def test_a_tag_goes_to_every_leaf() -> None:
    deployment = replace(fixed_deployment("F"), tag="gpu")
    document = compile_flow(linear_dag(3), deployment).to_json()
    assert [module["value"]["tag"] for module in document["value"]["modules"]] == ["gpu"] * 4


def test_the_document_is_what_the_deployment_asks_for() -> None:
    deployment = replace(fixed_deployment("SmallFlow"), summary="Mine")
    document = compile_flow(small_dag(start="end", end=""), deployment).to_json()
    assert document["value"]["flow_env"] == {"metaflow": deployment.record.to_json()}
    assert (document["path"], document["summary"]) == ("f/flows/SmallFlow", "Mine")
    assert (document["schema"], document["labels"]) == (deployment.schema, ["metaflow", "flow:SmallFlow"])


def test_all_that_is_refused_is_said_at_once() -> None:
    slow = Step("only", "end", retries=Retries(1, 0, 7 * 3600))
    dag = Dag("AFlow", "only", "only", (slow,), problems=(Problem("", "no"), Problem("only", "neither")))
    with pytest.raises(UnsupportedFlow) as caught:
        compile_flow(dag, fixed_deployment("AFlow"))
    first, *lines = str(caught.value).split("\n  ")
    assert first == "AFlow cannot run on Windmill as it is:"
    assert lines[:2] == ["the flow: no", "step 'only': neither"]
    assert lines[2].startswith("step 'only': @retry waits 420 minutes")


def compile_seconds(dag: Dag) -> float:
    began = process_time()
    document: Json = compile_flow(dag, fixed_deployment(dag.name)).to_json()
    assert len(document["value"]["modules"]) == len(dag.steps) + 1
    return process_time() - began


def copy_seconds(dag: Dag) -> float:
    document = compile_flow(dag, fixed_deployment(dag.name)).to_json()
    began = process_time()
    deepcopy(document)
    return process_time() - began


def test_a_thousand_steps_compile_in_no_time_and_ten_times_as_many_in_ten_times_that() -> None:
    """Beside a copy of the document, which a slow machine makes as slowly: that takes a third of it."""
    measured = [(compile_seconds(linear_dag(1000)), copy_seconds(linear_dag(1000))) for _ in range(4)]
    thousand, copied = (min(seconds) for seconds in zip(*measured, strict=True))
    many = min(compile_seconds(linear_dag(10_000)) for _ in range(2))
    assert thousand < 6 * copied
    assert many < 30 * thousand
