"""What a run's graph shows, from flow values and statuses as the server writes them."""

from __future__ import annotations

from typing import Any

import pytest

from metaflow_windmill.devserver.pages.graph import Node, Run, nodes, outline, state_of
from metaflow_windmill.openflow import read_flow_value


def step(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "value": {"type": "rawscript", "content": "", "language": "python3", "input_transforms": {}},
    }


def loop(name: str, *modules: Any) -> dict[str, Any]:
    value = {
        "type": "forloopflow",
        "iterator": {"type": "static", "value": []},
        "modules": modules,
        "parallel": True,
        "skip_failures": False,
    }
    return {"id": name, "value": {**value, "modules": list(modules)}}


def row(job: str, **more: Any) -> dict[str, Any]:
    return {
        "id": job,
        "type": "CompletedJob",
        "success": True,
        "canceled": False,
        "is_skipped": False,
        **more,
    }


def running(job: str) -> dict[str, Any]:
    return {"id": job, "type": "QueuedJob", "running": True}


def drawn(modules: list[Any], told: list[Any], jobs: list[Any], **below: Run) -> tuple[Node, ...]:
    run = Run(read_flow_value({"modules": modules}), {"modules": told}, {job["id"]: job for job in jobs})
    return nodes(run, below.__getitem__)


def test_steps_are_in_the_state_that_the_status_tells() -> None:
    found = drawn(
        [step("a"), step("b"), step("c"), step("d")],
        [
            {"id": "a", "type": "Success", "job": "1", "failed_retries": ["0"]},
            {"id": "b", "type": "InProgress", "job": "2"},
            {"id": "c", "type": "WaitingForPriorSteps"},
        ],
        [row("1"), running("2")],
    )
    assert [(node.id, node.state, node.job, node.retries) for node in found] == [
        ("a", "success", "1", 1),
        ("b", "running", "2", 0),
        ("c", "waiting", None, 0),
        ("d", "waiting", None, 0),
    ]


def test_a_step_whose_job_waits_for_a_worker_is_queued() -> None:
    told = [{"id": "a", "type": "InProgress", "job": "1"}]
    (found,) = drawn([step("a")], told, [{"id": "1", "type": "QueuedJob", "running": False}])
    assert found.state == "queued"


def test_a_canceled_and_a_skipped_step_are_told_apart() -> None:
    told = [
        {"id": "a", "type": "Failure", "job": "1"},
        {"id": "b", "type": "Success", "job": "2", "skipped": True},
    ]
    found = drawn([step("a"), step("b")], told, [row("1", success=False, canceled=True), row("2")])
    assert [node.state for node in found] == ["canceled", "skipped"]


def test_a_loop_shows_its_iterations_and_its_body() -> None:
    told = [{"id": "l", "type": "InProgress", "job": "2", "flow_jobs": ["1", "2", "3"]}]
    (found,) = drawn([loop("l", step("a"), step("b"))], told, [row("1"), running("2")])
    assert [(child.job, child.state) for child in found.children] == [
        ("1", "success"),
        ("2", "running"),
        ("3", "waiting"),
    ]
    assert [node.id for node in found.arms[0].nodes] == ["a", "b"]
    assert found.kind == "parallel foreach"


def test_branches_are_drawn_with_the_states_inside() -> None:
    value = {
        "type": "branchall",
        "parallel": True,
        "branches": [
            {"modules": [step("a")], "skip_failure": False, "summary": "left"},
            {"modules": [step("b")], "skip_failure": False},
        ],
    }
    inner = Run(
        read_flow_value({"modules": [step("a")]}),
        {"modules": [{"id": "a", "type": "Success", "job": "3"}]},
        {"3": row("3")},
    )
    told = [{"id": "x", "type": "InProgress", "job": "1", "flow_jobs": ["1"]}]
    (found,) = drawn([{"id": "x", "value": value}], told, [running("1")], **{"1": inner})
    left, right = found.arms
    assert (left.title, left.state, left.nodes[0].state) == ("left", "running", "success")
    assert (right.title, right.job, right.nodes[0].state) == ("branch 2", None, "")


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (None, [None, None, None]),
        ({"type": "branch", "branch": 0}, ["9", None, None]),
        ({"type": "branch", "branch": 1}, [None, "9", None]),
        ({"type": "default"}, [None, None, "9"]),
    ],
)
def test_one_branch_shows_which_was_chosen(chosen: Any, expected: list[str | None]) -> None:
    branches = [{"expr": "x", "modules": [step("a")]}, {"expr": "y", "modules": [step("b")]}]
    value = {"type": "branchone", "branches": branches, "default": [step("c")]}
    told = [{"id": "x", "type": "InProgress", "job": "9", **({"branch_chosen": chosen} if chosen else {})}]
    nowhere = Run(None, None, {})
    (found,) = drawn([{"id": "x", "value": value}], told, [running("9")], **{"9": nowhere})
    assert [arm.job for arm in found.arms] == expected
    assert [arm.nodes[0].id for arm in found.arms] == ["a", "b", "c"]


def test_a_failure_module_is_drawn_only_where_it_ran() -> None:
    flow = read_flow_value({"modules": [step("a")], "failure_module": step("failure")})
    quiet = Run(
        flow, {"modules": [], "failure_module": {"id": "failure", "type": "WaitingForPriorSteps"}}, {}
    )
    loud = Run(flow, {"modules": [], "failure_module": {"type": "Success", "job": "1"}}, {"1": row("1")})
    load = dict[str, Run]().__getitem__
    assert [node.id for node in nodes(quiet, load)] == ["a"]
    assert [node.id for node in nodes(loud, load)] == ["a", "failure"]


def test_an_outline_has_no_states() -> None:
    flow = read_flow_value({"modules": [step("a"), loop("l", loop("m", step("b")))]})
    first, outer = outline(flow.modules)
    assert (first.state, outer.state) == ("", "")
    assert outer.arms[0].nodes[0].arms[0].nodes[0].id == "b"


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ({"type": "QueuedJob", "running": False}, "queued"),
        ({"type": "QueuedJob", "running": True}, "running"),
        (row("1"), "success"),
        (row("1", success=False), "failure"),
        (row("1", success=False, canceled=True), "canceled"),
        (row("1", is_skipped=True), "skipped"),
    ],
)
def test_the_state_of_a_job_in_a_word(job: Any, expected: str) -> None:
    assert state_of(job) == expected
