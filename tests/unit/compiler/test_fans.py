"""Cases of a switch that lead to several steps at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.deployments import fixed_deployment
from tests.support.small_dags import small_dag
from tests.support.walk import Found, all_modules

from metaflow_windmill.compiler import ArmLimits, compile_flow
from metaflow_windmill.contract.task_spec import ParentStep, TaskSpec

if TYPE_CHECKING:
    from metaflow_windmill.graph import Dag

ALWAYS = ArmLimits(0, 0)
SHARED = {"a": "join", "b": "join", "c": "join", "d": "join", "join": "after", "after": "end", "end": ""}


def modules(dag: Dag, limits: ArmLimits | None = None) -> dict[str, Found]:
    value = compile_flow(dag, fixed_deployment(dag.name), limits).to_json()["value"]
    return {found.id: found for found in all_modules(value["modules"])}


def spec(found: Found) -> TaskSpec:
    return TaskSpec.from_json(found.module["value"]["input_transforms"]["task"]["value"])


def sources(found: Found) -> list[tuple[ParentStep, ...]]:
    return [item.any_of for item in spec(found).inputs]


def around(found: Found) -> list[str]:
    return [container.id for container in found.around]


def test_the_steps_of_a_case_run_side_by_side_after_the_switch_and_before_their_join() -> None:
    found = modules(small_dag("join", start="switch after a+b", **SHARED))
    choice = found["start_switch"].module["value"]["branches"]
    assert [(arm["expr"], arm["summary"]) for arm in choice] == [
        ('results.start.branch === "after"', "case after"),
        ('results.start.branch === "a"', "case a"),
    ]
    assert [module["id"] for module in choice[1]["modules"]] == ["start_fan", "join"]
    fan = found["start_fan"].module["value"]
    assert (fan["type"], fan["parallel"]) == ("branchall", True)
    assert [[module["id"] for module in arm["modules"]] for arm in fan["branches"]] == [["a"], ["b"]]
    assert sources(found["a"]) == sources(found["b"]) == [(ParentStep("start"),)]
    assert sources(found["join"]) == [(ParentStep("a"),), (ParentStep("b"),)]
    assert sources(found["after"]) == [(ParentStep("join"), ParentStep("start"))]
    assert spec(found["start"]).tells == "branch"


def test_cases_that_meet_in_one_join_have_it_each_with_their_own_inputs() -> None:
    found = modules(small_dag("join", start="switch a+b c+d+e", e="join", **SHARED))
    assert around(found["join"]) == around(found["join__2"]) == ["start_switch"]
    read = {tuple(source[0].step for source in sources(found[join])) for join in ("join", "join__2")}
    assert read == {("a", "b"), ("c", "d", "e")}
    assert {container for name in "abcde" for container in around(found[name])} == {
        *("start_switch", "start_fan", "start_fan__2")
    }


def test_written_flat_they_stand_with_their_join_in_a_choice_of_one_arm() -> None:
    found = modules(small_dag("join", start="switch after a+b", **SHARED), ALWAYS)
    (arm,) = found["start_fan_chosen"].module["value"]["branches"]
    assert arm["expr"] == 'results.start.branch === "a"'
    assert [module["id"] for module in arm["modules"]] == ["start_fan", "join"]
    assert "skip_if" not in found["start_fan"].module
    assert found["after"].module.get("skip_if") is None


def test_a_step_that_returns_to_itself_may_end_in_several() -> None:
    found = modules(small_dag("join", start="turn", turn="switch turn a+b", **SHARED))
    assert "turn_switch" not in found  # there is one way out
    assert found["turn_turns"].type == "whileloopflow"
    assert found["turn_fan"].type == "branchall"
    assert sources(found["a"]) == [(ParentStep("turn", recursive=True),)]


def test_inside_a_lane_they_run_one_after_the_other() -> None:
    dag = small_dag(
        "join all", start="foreach each", each="switch x a+b", a="join", b="join", x="y", join="y", y="all",
        all="end", end="",
    )  # fmt: skip
    value = compile_flow(dag, fixed_deployment(dag.name, 1)).to_json()["value"]
    (fan,) = (found for found in all_modules(value["modules"]) if found.id == "each_fan")
    assert fan.module["value"]["parallel"] is False


def test_a_switch_inside_that_decides_the_join_is_asked_after_the_branches() -> None:
    dag = small_dag(
        "one other", start="switch after a+b", a="switch a1 a2", b="switch b1 b2", a1="one", b1="one",
        a2="other", b2="other", one="after", other="after", after="end", end="",
    )  # fmt: skip
    found = modules(dag)
    which = found["start_fan_switch"].module["value"]["branches"]
    assert [arm["expr"] for arm in which] == [
        '["a1", "b1"].includes(results.start_fan[0].step)',
        '["a2", "b2"].includes(results.start_fan[0].step)',
    ]


def test_the_page_of_the_flow_names_all_steps_of_a_case() -> None:
    dag = small_dag("join", start="switch after a+b", **SHARED)
    said = compile_flow(dag, fixed_deployment(dag.name)).to_json()["description"]
    assert "`after` if condition is after, `a` and `b` if condition is a" in said
