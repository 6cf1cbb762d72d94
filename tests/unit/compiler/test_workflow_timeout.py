from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.support.deployments import fixed_deployment
from tests.support.small_dags import small_dag
from tests.support.walk import all_modules

from metaflow_windmill.compiler import compile_flow
from metaflow_windmill.contract.task_spec import TaskSpec
from metaflow_windmill.devserver.expressions.quickjs import QuickJs
from metaflow_windmill.devserver.runner.process import End, explain
from metaflow_windmill.graph.dag import Needs, Retries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.graph.dag import Step
    from metaflow_windmill.types import Json


@pytest.fixture(scope="module")
def quickjs() -> Iterator[QuickJs]:
    made = QuickJs()
    yield made
    made.close()


def compiled(seconds: int | None, name: str = "a", **changes: Json) -> dict[str, Json]:
    """Compile a flow of which a step is as the changes say; return its modules by id."""

    def changed(step: Step) -> Step:
        return replace(step, **changes) if step.name == name else step

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
    assert module["retry"]["retry_if"]["expr"].startswith("error?.extra?.final !== true && ")
    assert TaskSpec.from_json(module["value"]["input_transforms"]["task"]["value"]).delay == 30


@pytest.mark.parametrize(
    ("delay", "hard", "again"),
    [
        (30, None, False),
        (0, None, False),
        (30, 20, True),
        (600, 20, False),
        (579, 20, True),
        (580, 20, False),
    ],
)
@pytest.mark.parametrize("name", ["start", "a"])
def test_what_windmill_ended_is_not_tried_again_when_the_time_is_over(
    quickjs: QuickJs, name: str, delay: int, hard: int | None, *, again: bool
) -> None:
    """Nothing in a job that Windmill ends can say that it is too late for another attempt."""
    modules = compiled(600, name, retries=Retries(user=2, seconds=delay), needs=Needs(seconds=hard))
    rule = modules[name]["retry"]["retry_if"]["expr"]

    def holds(kind: str, message: str, **more: Json) -> bool:
        names = {"error": {"name": kind, "message": message, **more}}
        return bool(quickjs.evaluate(rule, names, lambda _kind, _name: None))

    assert holds("ExecutionErr", explain(End(-9, killed="timeout"), "")) == again
    assert holds("ExecutionErr", explain(End(-9), ""))
    assert holds("ValueError", "the job-specific duration limit")
    assert not holds("WorkflowTimeout", "", extra={"final": True})


@pytest.mark.parametrize(
    ("own", "hard", "expected"), [(None, None, 660), (20, None, 80), (900, None, 660), (None, 5, 5)]
)
def test_windmill_ends_what_does_not_end_itself(own: int | None, hard: int | None, expected: int) -> None:
    assert compiled(600, timeout=own, needs=Needs(seconds=hard))["a"]["timeout"] == expected
