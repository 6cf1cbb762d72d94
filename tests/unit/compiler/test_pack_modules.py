"""Which steps are one job, and what holds for the job: its attempts, its limits, its workers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.deployments import fixed_deployment
from tests.support.small_dags import linear_dag, small_dag
from tests.support.walk import all_modules

from metaflow_windmill.compiler import StepScript, compile_flow
from metaflow_windmill.contract.pack import Pack, read_task
from metaflow_windmill.graph import Dag, Retries
from metaflow_windmill.graph.dag import Decorator, Needs

if TYPE_CHECKING:
    from metaflow_windmill.compiler import DeploymentSpec
    from metaflow_windmill.types import Json

IN_A_ROW = {"start": "a", "a": "b", "b": "end", "end": ""}


def jobs(dag: Dag, deployment: DeploymentSpec | None = None) -> list[str]:
    """Return the steps of each job, with its items where it takes some."""
    value = compile_flow(dag, deployment or fixed_deployment(dag.name, pack=10)).to_json()["value"]
    tasks = (read_task(found.module["value"]["input_transforms"]["task"]["value"]) for found in leaves(value))
    return [told(task) for task in tasks if task is not None]


def leaves(value: Json) -> list[Any]:
    return [found for found in all_modules(value["modules"]) if found.type == "rawscript"]


def told(task: Any) -> str:
    if not isinstance(task, Pack):
        return str(task.step)
    return "+".join(spec.step for spec in task.steps) + (f" x{task.items}" if task.items else "")


def changed(dag: Dag, **steps: dict[str, Any]) -> Dag:
    return replace(dag, steps=tuple(replace(step, **steps.get(step.name, {})) for step in dag.steps))


def test_steps_in_a_row_are_one_job_only_where_that_was_asked_for() -> None:
    dag = small_dag(**IN_A_ROW)
    assert jobs(dag) == ["start+a+b+end"]
    for pack in (None, 1):
        assert jobs(dag, fixed_deployment("F", pack=pack)) == ["start", "a", "b", "end"]
    asked = changed(dag, a={"needs": Needs(pack=2)}, b={"needs": Needs(pack=5)})
    assert jobs(asked, fixed_deployment("F")) == ["start", "a+b", "end"]


@pytest.mark.parametrize(
    "other",
    [
        {"needs": Needs(pack=1)},
        {"needs": Needs(tag="gpu")},
        {"retries": Retries(1, 0, 120)},
        {"parallel": True},
        {"decorators": (Decorator("environment", {"vars": {"METAFLOW_S3_RETRY_COUNT": 1}}),)},
    ],
    ids=lambda other: next(iter(other)),
)
def test_what_wants_another_worker_or_another_wait_has_a_job_of_its_own(other: dict[str, Any]) -> None:
    waits = {"retries": Retries(1, 0, 60)}
    dag = changed(small_dag(**IN_A_ROW), start=waits, b=other, end=waits)
    assert jobs(dag) == ["start+a", "b", "end"]


def test_other_packages_are_another_job() -> None:
    deployment = replace(fixed_deployment("F", pack=10), codes={"b": StepScript("# requirements: x", None)})
    assert jobs(small_dag(**IN_A_ROW), deployment) == ["start+a", "b", "end"]


def test_variables_that_metaflow_does_not_read_make_no_difference() -> None:
    own = {"decorators": (Decorator("environment", {"vars": {"MINE": 1}}),)}
    assert jobs(changed(small_dag(**IN_A_ROW), b=own)) == ["start+a+b+end"]


def test_what_the_engine_has_to_decide_ends_a_row_and_a_join_begins_one() -> None:
    dag = small_dag(
        "j", start="a", a="split x z", x="y", y="j", z="j", j="k", k="switch p q", p="end", q="end", end=""
    )
    assert jobs(dag) == ["start+a", "x+y", "z", "j+k", "p", "q", "end"]
    turns = small_dag(start="r", r="switch r x", x="end", end="")
    assert jobs(turns) == ["start", "r", "x+end"]
    gang = small_dag("j", start="a", a="gang t", t="j", j="end", end="")
    gang = changed(gang, t={"parallel": True})
    assert jobs(gang) == ["start+a", "t", "j", "end"]


def test_items_are_packed_where_steps_in_a_row_are_done_with_each() -> None:
    dag = small_dag("j", start="foreach w", w="v", v="j", j="end", end="")
    assert jobs(dag) == ["start", "w+v x10", "j+end"]
    assert jobs(changed(dag, v={"needs": Needs(pack=3)})) == ["start", "w+v x3", "j+end"]
    assert jobs(changed(dag, v={"needs": Needs(tag="gpu")})) == ["start", "w x10", "v x10", "j+end"]
    assert jobs(changed(dag, v={"needs": Needs(pack=1)})) == ["start", "w", "v", "j+end"]
    nested = small_dag("j k", start="foreach o", o="foreach w", w="j", j="k", k="end", end="")
    assert jobs(nested) == ["start", "o", "w x10", "j", "k+end"]
    split = small_dag("s j", start="foreach w", w="split x y", x="s", y="s", s="j", j="end", end="")
    assert jobs(split) == ["start", "w", "x", "y", "s", "j+end"]


def test_a_job_has_the_attempts_and_the_time_of_its_tasks_together() -> None:
    dag = small_dag("j", start="foreach w", w="v", v="j", j="end", end="")
    dag = changed(dag, w={"retries": Retries(2, 1, 60), "timeout": 30}, v={"retries": Retries(1, 0, 60)})
    ended = changed(dag, v={"needs": Needs(seconds=10)})
    packs = []
    for one in (dag, ended):
        value = compile_flow(one, fixed_deployment("F", pack=10)).to_json()["value"]
        packs.append(next(found.module for found in leaves(value) if found.id == "w"))
    assert packs[0]["retry"]["constant"] == {"attempts": 4, "seconds": 60}
    assert "timeout" not in packs[0]
    assert packs[1]["timeout"] == (90 + 10) * 10 + 60
    steps = packs[1]["value"]["input_transforms"]["task"]["value"]["pack"]["steps"]
    assert [step["seconds"] for step in steps] == [90, 10]


def test_the_summary_of_a_job_names_its_steps() -> None:
    def summaries(dag: Dag) -> list[Json]:
        modules = compile_flow(dag, fixed_deployment("F", pack=10)).to_json()["value"]["modules"]
        return [module["summary"] for module in modules[:-1]]

    assert summaries(linear_dag(4)) == ["start, step_1, step_2, end"]
    assert summaries(linear_dag(10)) == ["start, step_1, step_2, ..., end (10 steps in one job)"]
