"""Steps before which a person is asked: what stands before them, wherever they stand."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.deployments import fixed_deployment
from tests.support.small_dags import small_dag
from tests.support.walk import all_modules

from metaflow_windmill.compiler import ArmLimits, compile_flow, mermaid
from metaflow_windmill.contract.approval import Approval
from metaflow_windmill.graph.dag import Needs
from metaflow_windmill.openflow import read_flow_value

if TYPE_CHECKING:
    from metaflow_windmill.compiler import DeploymentSpec
    from metaflow_windmill.graph import Dag
    from metaflow_windmill.types import Json

ROW = {"start": "a", "a": "b", "b": "end", "end": ""}


def asking(dag: Dag, approval: Approval, *names: str) -> Dag:
    needs = Needs(approval=approval)
    steps = (replace(step, needs=needs) if step.name in names else step for step in dag.steps)
    return replace(dag, steps=tuple(steps))


def compiled(dag: Dag, deployment: DeploymentSpec | None = None, limits: ArmLimits | None = None) -> Json:
    return compile_flow(dag, deployment or fixed_deployment(dag.name), limits).to_json()["value"]


def gates(value: Json) -> dict[str, Any]:
    """The modules that wait, by the id of the module that stands right after each."""
    found = {}
    for row in rows(value["modules"]):
        for before, after in pairwise(row):
            if "suspend" in before:
                found[after["id"]] = before
    return found


def rows(modules: list[Any]) -> list[list[Any]]:
    inner = [list(found.module["value"].get("modules") or []) for found in all_modules(modules)]
    arms = [
        list(branch["modules"])
        for found in all_modules(modules)
        for branch in found.module["value"].get("branches") or []
    ]
    return [modules, *inner, *arms]


def test_what_waits_stands_right_before_the_step_and_the_step_hears_the_answer() -> None:
    form = {"why": {"type": "string"}}
    value = compiled(asking(small_dag(**ROW), Approval("Go?", form, timeout=60, required=2), "b"))
    assert [module["id"] for module in value["modules"]][:4] == ["start", "a", "b_approval", "b"]
    gate, step = value["modules"][2:4]
    assert gate["value"]["input_transforms"]["report"]["value"] == {"description": "Go?", "step": "b"}
    assert gate["suspend"] == {
        "required_events": 2,
        "timeout": 60,
        "resume_form": {
            "schema": {"type": "object", "properties": form, "required": ["why"], "order": ["why"]}
        },
    }
    assert gate["skip_if"]["expr"] == '(results.start.approved ?? []).includes("b/t")'
    assert step["value"]["input_transforms"]["resumes"]["expr"] == "resumes"
    assert step["value"]["input_transforms"]["approvers"]["expr"] == "approvers"
    assert value["modules"][0]["value"]["input_transforms"]["task"]["value"]["asks"] == ["b"]


def test_who_may_answer_and_what_follows_a_no() -> None:
    approval = Approval(groups=("leads",), self_approval=False, otherwise="continue")
    suspend = gates(compiled(asking(small_dag(**ROW), approval, "b")))["b"]["suspend"]
    assert suspend["user_groups_required"] == {"type": "static", "value": ["leads"]}
    assert suspend["user_auth_required"]
    assert suspend["self_approval_disabled"]
    assert suspend["continue_on_disapprove_timeout"]


def test_the_start_step_may_ask_and_asks_anew_whatever_a_run_goes_on_from() -> None:
    value = compiled(asking(small_dag(**ROW), Approval(), "start"))
    assert [module["id"] for module in value["modules"]][:2] == ["start_approval", "start"]
    assert "skip_if" not in value["modules"][0]


def test_nobody_waits_longer_than_the_run_may_take() -> None:
    dag = asking(small_dag(**ROW), Approval(timeout=3600), "b")
    deployment = fixed_deployment(dag.name)
    limited = replace(deployment, record=replace(deployment.record, workflow_timeout=600))
    assert gates(compiled(dag, limited))["b"]["suspend"]["timeout"] == 600


def test_a_step_that_asks_is_in_no_pack() -> None:
    value = compiled(asking(small_dag(**ROW), Approval(), "b"), fixed_deployment("F", pack=10))
    assert [module["id"] for module in value["modules"]][:4] == ["start", "b_approval", "b", "end"]


def test_each_item_of_a_foreach_asks_in_lanes_too() -> None:
    dag = small_dag("join", start="foreach one", one="join", join="end", end="")
    for workers in (None, 2):
        value = compiled(asking(dag, Approval(), "one"), fixed_deployment(dag.name, max_workers=workers))
        gate = gates(value)["one"]
        assert gate["skip_if"]["expr"] == (
            '(results.start.approved ?? []).includes("one/t" + "-" + flow_input.iter.value)'
        )


@pytest.mark.parametrize("limits", [None, ArmLimits(0, 0)])
def test_a_choice_asks_only_for_what_was_chosen(limits: ArmLimits | None) -> None:
    dag = small_dag(start="switch a b", a="end", b="end", end="")
    value = compiled(asking(dag, Approval(), "a"), limits=limits)
    gate = gates(value)["a"]["skip_if"]["expr"]
    assert gate.endswith('(results.start.approved ?? []).includes("a/t")')
    if limits is not None:
        step = next(found.module for found in all_modules(value["modules"]) if found.module["id"] == "a")
        assert gate.startswith(f"{step['skip_if']['expr']} || ")


def test_a_diagram_shows_the_steps_and_no_wait() -> None:
    value = compiled(asking(small_dag(**ROW), Approval(), "b"))
    drawn = mermaid(read_flow_value(value))
    assert "m_a --> m_b" in drawn
    assert "approval" not in drawn
