from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.support.deployments import fixed_deployment
from tests.support.small_dags import small_dag
from tests.support.walk import all_modules

from metaflow_windmill.compiler import compile_flow
from metaflow_windmill.contract.task import TaskSpec
from metaflow_windmill.graph.dag import Needs, Retries

if TYPE_CHECKING:
    from metaflow_windmill.graph.dag import Step
    from metaflow_windmill.types import Json


def compiled(seconds: int | None, **changes: Json) -> dict[str, Json]:
    """Compile a flow whose step `a` is as the changes say; return its modules by id."""

    def changed(step: Step) -> Step:
        return replace(step, **changes) if step.name == "a" else step

    dag = small_dag(start="a", a="end", end="")
    dag = replace(dag, steps=tuple(map(changed, dag.steps)))
    deployment = fixed_deployment(dag.name)
    record = replace(deployment.record, workflow_timeout=seconds)
    value = compile_flow(dag, replace(deployment, record=record)).to_json()["value"]
    return {found.id: found.module for found in all_modules(value["modules"])}


def test_every_task_but_the_first_is_told_the_deadline() -> None:
    modules = compiled(600)
    inputs = {name: modules[name]["value"]["input_transforms"] for name in ("start", "a", "end")}
    assert "deadline" not in inputs["start"]
    assert inputs["a"]["deadline"] == {"type": "javascript", "expr": "results.start.deadline"}
    assert inputs["end"]["deadline"] == inputs["a"]["deadline"]


def test_without_it_nothing_is_different() -> None:
    modules = compiled(None, retries=Retries(user=2, seconds=30))
    assert "deadline" not in modules["a"]["value"]["input_transforms"]
    assert modules["a"]["retry"]["retry_if"]["expr"] == "error?.extra?.final !== true"
    assert "timeout" not in modules["a"]
    assert "delay" not in modules["a"]["value"]["input_transforms"]["task"]["value"]


def test_no_attempt_follows_one_that_was_the_last_in_time() -> None:
    module = compiled(600, retries=Retries(user=2, seconds=30))["a"]
    assert module["retry"]["retry_if"]["expr"] == "error?.extra?.final !== true"
    assert TaskSpec.from_json(module["value"]["input_transforms"]["task"]["value"]).delay == 30


@pytest.mark.parametrize(
    ("own", "hard", "expected"), [(None, None, 660), (20, None, 80), (900, None, 660), (None, 5, 5)]
)
def test_windmill_ends_what_does_not_end_itself(own: int | None, hard: int | None, expected: int) -> None:
    assert compiled(600, timeout=own, needs=Needs(seconds=hard))["a"]["timeout"] == expected
