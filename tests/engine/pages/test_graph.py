"""What a run's graph shows, from flow values and from what the engine keeps of their modules."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from tests.engine.pages.twigs import part, twig

from metaflow_windmill.devserver.pages.graph import GraphNode, GraphPart, Run, nodes, outline
from metaflow_windmill.devserver.pages.job_progress import grown
from metaflow_windmill.devserver.pages.steps import graph, told
from metaflow_windmill.devserver.store.flow_rows import ModuleRun
from metaflow_windmill.openflow import read_flow_value


def step(name: str, **more: Any) -> dict[str, Any]:
    value = {"type": "rawscript", "content": "", "language": "python3", "input_transforms": {}}
    return {"id": name, "value": value, **more}


def loop(name: str, *modules: Any, **more: Any) -> dict[str, Any]:
    value = {
        "type": "forloopflow",
        "iterator": {"type": "static", "value": []},
        "modules": list(modules),
        "parallel": True,
        "skip_failures": False,
    }
    return {"id": name, "value": value, **more}


def ran(name: str, how: str = "Success", **more: Any) -> ModuleRun:
    return ModuleRun(name, how, **more)


def drawn(
    modules: list[Any], became: list[ModuleRun], jobs: list[Any], *inside: GraphPart, **more: Any
) -> tuple[GraphNode, ...]:
    """Return the nodes of the flow job ``f``; other parts are found by their jobs."""
    flow = read_flow_value({"modules": modules, **more})
    top = GraphPart("f", flow, dict(enumerate(became)))
    parts = {each.job: each for each in inside}
    return nodes(top, Run(grown(jobs), lambda job: parts.get(job, GraphPart(job))))


def states(found: tuple[GraphNode, ...]) -> list[str]:
    return [node.state for node in found]


def test_steps_are_in_the_state_of_their_jobs() -> None:
    found = drawn(
        [step("a"), step("b"), step("c"), step("d")],
        [ran("a", failed_retries=("0",)), ran("b", "InProgress"), ran("c", "WaitingForPriorSteps")],
        [
            part("f"),
            twig("0", "failure", "f", 0),
            twig("1", "success", "f", 0, began=3, ended=5),
            twig("2", "running", "f", 1),
        ],
    )
    assert [(node.id, node.state, node.job, node.retries) for node in found] == [
        ("a", "success", "1", 1),
        ("b", "running", "2", 0),
        ("c", "waiting", None, 0),
        ("d", "waiting", None, 0),
    ]
    assert (found[0].began, found[0].ended) == (3_000_000, 5_000_000)


def test_a_step_whose_job_waits_for_a_worker_is_queued() -> None:
    (found,) = drawn([step("a")], [ran("a", "InProgress")], [part("f"), twig("1", "queued", "f", 0)])
    assert (found.state, found.began) == ("queued", None)


def test_a_step_that_waits_for_its_next_attempt_says_when() -> None:
    jobs = [part("f"), twig("1", "failure", "f", 0), twig("2", "queued", "f", 0, scheduled_for=77)]
    (found,) = drawn([step("a")], [ran("a", "WaitingForExecutor", failed_retries=("1",))], jobs)
    assert (found.state, found.again) == ("queued", 77)


def test_a_canceled_and_a_skipped_step_are_told_apart() -> None:
    found = drawn(
        [step("a"), step("b"), step("c")],
        [ran("a", "Failure"), ran("b", skipped=True), ran("c", "InProgress")],
        [part("f", "canceled"), twig("1", "canceled", "f", 0), twig("2", "success", "f", 1)],
    )
    assert states(found) == ["canceled", "skipped", "canceled"]


@pytest.mark.parametrize(
    ("flow", "tolerated", "expected"),
    [
        ("failure", False, "not run"),
        ("success", False, "not run"),
        ("running", False, "will not run"),
        ("running", True, "waiting"),
    ],
)
def test_what_does_not_run_after_a_failure_says_so(flow: str, tolerated: bool, expected: str) -> None:
    modules = [loop("l", step("a"), continue_on_error=tolerated), step("b")]
    jobs = [
        part("f", flow),
        twig("1", "failure", "f", 0, iteration=0),
        twig("2", "running", "f", 0, iteration=1),
    ]
    became = [ran("l", "Failure" if flow == "failure" else "InProgress", shape="loop", failed=1)]
    assert drawn(modules, became, jobs)[1].state == expected


def test_a_loop_shows_its_iterations_and_counts_what_is_in_them() -> None:
    jobs = [
        part("f"),
        part("i", "failure", "f", 0, iteration=0, step_id="l"),
        part("j", parent="f", step=0, iteration=1, step_id="l"),
        twig("1", "failure", "i", 0, step_id="a"),
        twig("2", "success", "j", 0, step_id="a"),
        twig("3", "queued", "j", 1, step_id="b"),
    ]
    (found,) = drawn([loop("l", step("a"), step("b"))], [ran("l", "InProgress", shape="loop", total=3)], jobs)
    assert [(child.job, child.state, child.leaf) for child in found.children] == [
        ("i", "failure", "1"),
        ("j", "queued", None),
    ]
    assert [(node.id, node.counts) for node in found.arms[0].nodes] == [
        ("a", Counter(failure=1, success=1)),
        ("b", Counter(queued=1)),
    ]
    assert (found.kind, found.state, found.total) == ("parallel foreach", "queued", 3)
    assert "0 of 3 done, 1 failed, 1 queued, 1 not started" in graph((found,), "f")


def test_a_loop_that_failed_tells_what_it_did_not_get_to() -> None:
    jobs = [
        part("f", "failure"),
        twig("1", "success", "f", 0, iteration=0),
        twig("2", "failure", "f", 0, iteration=1),
    ]
    (found,) = drawn([loop("l", step("a"))], [ran("l", "Failure", shape="loop", total=5)], jobs)
    shown = graph((found,), "f")
    assert "1 of 5 done, 1 failed, 3 not run" in shown
    assert 'href="/run/f?job=2#detail" class="is-failure"' in shown


def test_counts_in_words() -> None:
    assert told(Counter(success=2, skipped=1), 3) == "3 of 3 done"
    assert told(Counter(success=1, failure=2, canceled=1)) == "1 of 4 done, 2 failed, 1 canceled"


def test_every_failure_of_a_large_loop_is_drawn() -> None:
    jobs = [twig(str(at), "failure" if at == 4321 else "success", "f", 0, iteration=at) for at in range(5000)]
    found = drawn(
        [loop("l", step("a"))], [ran("l", "Failure", shape="loop", total=5000)], [part("f", "failure"), *jobs]
    )
    shown = graph(found, "f")
    assert shown.count("<a ") == 1001
    assert 'title="4321: failure"' in shown
    assert "3999 more are not drawn" in shown


def test_branches_are_drawn_with_the_states_inside() -> None:
    value = {
        "type": "branchall",
        "parallel": True,
        "branches": [
            {"modules": [step("a")], "skip_failure": False, "summary": "left"},
            {"modules": [step("b")], "skip_failure": False},
        ],
    }
    inner = GraphPart("1", read_flow_value({"modules": [step("a")]}), {0: ran("a")})
    jobs = [part("f"), part("1", parent="f", step=0, iteration=0), twig("3", "success", "1", 0)]
    (found,) = drawn([{"id": "x", "value": value}], [ran("x", "InProgress", shape="arms")], jobs, inner)
    left, right = found.arms
    assert (left.title, left.state, left.nodes[0].state) == ("left", "running", "success")
    assert (right.title, right.job, right.nodes[0].state) == ("branch 2", None, "")


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (None, [None, None, None]),
        (0, ["9", None, None]),
        (1, [None, "9", None]),
        (-1, [None, None, "9"]),
    ],
)
def test_one_branch_shows_which_was_chosen(chosen: int | None, expected: list[str | None]) -> None:
    branches = [{"expr": "x", "modules": [step("a")]}, {"expr": "y", "modules": [step("b")]}]
    value = {"type": "branchone", "branches": branches, "default": [step("c")]}
    became = [ran("x", "InProgress", shape="choice", branch=chosen, job="9")]
    (found,) = drawn([{"id": "x", "value": value}], became, [part("f"), part("9", parent="f", step=0)])
    assert [arm.job for arm in found.arms] == expected
    assert [arm.nodes[0].id for arm in found.arms] == ["a", "b", "c"]


def test_a_failure_module_is_drawn_only_where_it_ran() -> None:
    jobs = [part("f"), twig("1", "success", "f", 1)]
    quiet = drawn([step("a")], [], jobs, failure_module=step("failure"))
    loud = drawn([step("a")], [ran("a", "Failure"), ran("failure")], jobs, failure_module=step("failure"))
    assert [node.id for node in quiet] == ["a"]
    assert [node.id for node in loud] == ["a", "failure"]


def test_an_outline_has_no_states() -> None:
    flow = read_flow_value({"modules": [step("a"), loop("l", loop("m", step("b")))]})
    first, outer = outline(flow.modules)
    assert (first.state, outer.state) == ("", "")
    assert outer.arms[0].nodes[0].arms[0].nodes[0].id == "b"
