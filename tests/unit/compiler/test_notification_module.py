from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.support.deployments import fixed_deployment
from tests.support.small_dags import small_dag

from metaflow_windmill.compiler import compile_flow, mermaid
from metaflow_windmill.contract.exit_hook import ExitHooks
from metaflow_windmill.contract.notification import Channel, Notifications

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

SLACK = Channel("slack", "$var:f/x/slack")
SECRETS = {"KEY": "$var:f/x/key"}
ERROR = "[results.start_to_end[0]].flat(Infinity).find((item) => item && item.error).error"


def compiled(notifications: Notifications) -> list[Json]:
    """Compile a flow of two steps; return its modules."""
    dag = small_dag(start="end", end="")
    deployment = replace(fixed_deployment(dag.name), notifications=notifications, secrets=SECRETS)
    modules: list[Json] = compile_flow(dag, deployment).to_json()["value"]["modules"]
    return modules


def test_without_notifications_nothing_stands_around_the_steps() -> None:
    assert [module["id"] for module in compiled(Notifications())] == ["start", "end", "end_published"]


def test_a_run_that_nobody_waits_for_ends_with_its_end_step() -> None:
    _, end, published = compiled(Notifications())
    assert end["value"]["input_transforms"]["task"]["value"]["ends"] is True
    assert end["stop_after_if"] == {"expr": "result.awaited === false", "skip_if_stopped": False}
    assert "skip_if" not in published


@pytest.mark.parametrize("when", ["on_success", "on_error"])
def test_after_other_modules_the_publishing_is_skipped_where_nobody_waits(when: str) -> None:
    *before, published = compiled(Notifications((SLACK,), **{when: True}))
    assert published["skip_if"] == {"expr": "results.end.awaited === false"}
    assert "stop_after_if" not in json.dumps(before)


def test_publishing_is_tried_again_unless_that_cannot_help() -> None:
    published = compiled(Notifications())[-1]
    assert published["continue_on_error"] is True
    assert published["retry"] == {
        "constant": {"attempts": 5, "seconds": 30},
        "retry_if": {"expr": "error?.extra?.final !== true"},
    }


def test_a_success_is_told_after_the_last_step() -> None:
    modules = compiled(Notifications((SLACK,), on_success=True))
    assert [module["id"] for module in modules] == ["start", "end", "end_notify_on_success", "end_published"]
    assert (modules[2]["continue_on_error"], modules[2]["timeout"]) == (True, 120)
    inputs = modules[2]["value"]["input_transforms"]
    assert inputs["task"]["value"] == {"notify": {"channels": {"slack": {}}, "failed": False}}
    told = {"METAFLOW_WINDMILL_NOTIFY_SLACK": "$var:f/x/slack"}
    assert inputs["secrets"]["value"] == {**SECRETS, **told}
    assert modules[0]["value"]["input_transforms"]["secrets"]["value"] == SECRETS


def test_a_failure_is_told_before_the_run_fails_as_it_did() -> None:
    steps, ended, _ = compiled(Notifications((SLACK,), on_error=True))
    assert steps["id"] == "start_to_end"
    (failed,) = ended["value"]["branches"]
    notify, raising = failed["modules"]
    assert (notify["id"], notify["continue_on_error"]) == ("end_notify_on_error", True)
    assert notify["value"]["input_transforms"]["error"] == {"type": "javascript", "expr": ERROR}
    task = raising["value"]["input_transforms"]["task"]["value"]
    assert task == {"exit_hooks": ExitHooks((), failed=True).to_json()}
    assert not raising.get("continue_on_error")
    (handing_on,) = ended["value"]["default"]
    report = handing_on["value"]["input_transforms"]["report"]
    assert report == {"type": "javascript", "expr": "results.start_to_end[0]"}


def test_neither_is_a_step_in_the_drawing() -> None:
    dag = small_dag(start="end", end="")
    both = Notifications((SLACK,), on_success=True, on_error=True)
    plain = fixed_deployment(dag.name)
    drawn = [mermaid(compile_flow(dag, each).value) for each in (plain, replace(plain, notifications=both))]
    assert "notify" not in drawn[1]
