"""Scripts and flows as steps: their inputs, tags, limits, and what is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.engine_bench import Bench, again, flow, js, static, step

from metaflow_windmill.devserver.model import RunnableFlow, ScriptCode

if TYPE_CHECKING:
    from metaflow_windmill.types import Json


def script(path: str, *, inputs: Json = None, **more: Json) -> Json:
    return {"type": "script", "path": path, "input_transforms": inputs or {}, **more}


def test_a_script_is_found_by_path_and_by_hash(stand: Bench) -> None:
    stand.catalog.scripts = {
        "f/s/one": ScriptCode("echo", path="f/s/one", hash="0" * 16, lock="x==1", tag="gpu", timeout=9),
        "f/s/two": ScriptCode("echo", path="f/s/two", hash="1" * 16),
    }
    inputs = {"x": static(4)}
    seen = stand.run(
        flow(
            {"id": "a", "value": script("f/s/one", inputs=inputs)},
            {"id": "b", "value": script("f/s/two", hash="1" * 16), "timeout": 3},
            {"id": "c", "value": script("f/s/one", tag_override="cpu"), "timeout": 0},
        )
    )
    assert [job.code.path for job in stand.ran] == ["f/s/one", "f/s/two", "f/s/one"]
    assert [job.timeout for job in stand.ran] == [9, 3, 9]
    assert [child.row["tag"] for child in seen.children] == ["gpu", "python3", "cpu"]
    assert [child.row["job_kind"] for child in seen.children] == ["script"] * 3
    assert stand.ran[0].code.lock == "x==1"
    assert seen.children[0].result == {"x": 4}


@pytest.mark.parametrize("value", [script("f/no/thing"), {"type": "flow", "path": "f/no/thing"}])
def test_a_later_step_that_names_nothing_ends_the_flow_without_its_failure_module(
    stand: Bench, value: Json
) -> None:
    seen = stand.run(flow(step("a"), {"id": "b", "value": value}, failure_module=step("failure")))
    assert seen.outcome == "failure"
    assert seen.result["error"]["name"] == "InternalError"
    assert "f/no/thing" in seen.result["error"]["message"]
    assert seen.paths == ["a"]


def test_a_first_step_that_names_nothing_is_a_failure_of_that_step(stand: Bench) -> None:
    value = flow({"id": "a", "value": script("f/no/thing")}, failure_module=step("failure"))
    seen = stand.run(value)
    assert seen.modules[0]["type"] == "Failure"
    assert seen.paths == ["failure"]


def test_a_sub_flow_gets_its_inputs_only_and_has_results_of_its_own(stand: Bench) -> None:
    inner = flow(step("x", inputs={"n": "flow_input.n", "outer": "results.a", "iter": "flow_input.iter"}))
    stand.catalog.flows["f/sub/flow"] = RunnableFlow("f/sub/flow", 3, inner)
    use = {"type": "flow", "path": "f/sub/flow", "input_transforms": {"n": js("flow_input.m + 1")}}
    seen = stand.run(
        flow(
            step("a", inputs={"v": static(7)}),
            {"id": "sub", "value": use},
            step("e", inputs={"x": "results.x"}),
        ),
        {"m": 1},
    )
    sub = seen.children[1]
    assert sub.args == {"n": 2}
    assert (sub.row["job_kind"], sub.row["script_path"]) == ("flow", "f/sub/flow")
    # The steps of the flow around it can be read, those inside it cannot be read from outside.
    assert sub.result == {"n": 2, "iter": None, "outer": {"v": 7}}
    assert seen.result == {"x": None}


def test_a_flow_may_run_itself(stand: Bench) -> None:
    deeper = {"type": "flow", "path": "f/tests/flow", "input_transforms": {"n": js("flow_input.n - 1")}}
    value = flow(
        step(
            "a",
            inputs={"n": "flow_input.n"},
            stop_after_if={"expr": "result.n === 0", "skip_if_stopped": False},
        ),
        {"id": "again", "value": deeper},
    )
    stand.catalog.flows["f/tests/flow"] = RunnableFlow("f/tests/flow", 1, value)
    seen = stand.run(value, {"n": 3})
    assert seen.result == {"n": 0}
    assert len(stand.ran) == 4


def test_a_flows_own_tag_goes_to_its_steps(stand: Bench) -> None:
    tagged = {**step("a")["value"], "tag": "gpu"}
    value = flow({"id": "a", "value": tagged}, step("b"))
    assert [child.row["tag"] for child in stand.run(value).children] == ["gpu", "python3"]
    assert [child.row["tag"] for child in stand.run(value, tag="big").children] == ["big", "big"]
    kept = stand.run({**value, "preserve_step_tags": True}, tag="big")
    assert [child.row["tag"] for child in kept.children] == ["gpu", "big"]


def test_inputs_that_throw_fail_the_step_and_a_retry_runs_without_any(stand: Bench) -> None:
    seen = stand.run(flow(step("a", inputs={"x": "(flow_input.nope.x)"}, retry=again(1))))
    first, second = seen.children
    assert (first.outcome, first.result["error"]["name"], first.args) == ("failure", "ExecutionErr", {})
    assert (second.outcome, second.result) == ("success", {})
    assert seen.modules[0]["failed_retries"] == [first.row["id"]]


def test_the_whole_input_may_be_passed_on(stand: Bench) -> None:
    assert stand.run(flow(step("a", pass_flow_input_directly=True)), {"n": 1}).result == {"n": 1}


@pytest.mark.parametrize("limit", [js("'soon'"), js("true"), js("1.5")])
def test_a_timeout_that_is_no_number_breaks_the_flow(stand: Bench, limit: Json) -> None:
    seen = stand.run(flow(step("a"), step("b", timeout=limit)))
    assert "timeout" in seen.result["error"]["message"]


def test_a_timeout_may_be_computed(stand: Bench) -> None:
    stand.run(flow(step("a", inputs={"s": static(5)}), step("b", timeout=js("results.a.s * 2"))))
    assert stand.ran[-1].timeout == 10


def test_references_are_filled_in_for_the_job_only(stand: Bench) -> None:
    stand.catalog.variables["f/v/key"] = "a long secret"
    seen = stand.run(flow(step("a", inputs={"key": static("$var:f/v/key")})))
    assert seen.children[0].args == {"key": "$var:f/v/key"}
    assert stand.ran[0].args == {"key": "a long secret"}


def test_a_reference_to_nothing_fails_the_step(stand: Bench) -> None:
    seen = stand.run(
        flow(step("a", inputs={"key": static("$var:f/v/none")}, continue_on_error=True), step("b"))
    )
    assert "f/v/none not found" in seen.children[0].result["error"]["message"]
    assert seen.paths == ["a", "b"]
    assert [job.code.path for job in stand.ran] == ["f/tests/flow/b"]


def test_constants_of_the_flow_reach_every_level(stand: Bench) -> None:
    stand.catalog.variables["f/v/who"] = "ada"
    nested = {"type": "forloopflow", "iterator": js("[1]"), "parallel": True, "skip_failures": False}
    body = [step("b", inputs={"who": "flow_env.who", "both": "`${flow_env.who} ${flow_env.k.v}`"})]
    seen = stand.run(
        flow(
            {"id": "l", "value": {**nested, "modules": body}},
            flow_env={"who": "$var:f/v/who", "k": {"v": 1}},
        )
    )
    assert seen.result == [{"both": "ada 1", "who": "ada"}]


def test_what_the_server_cannot_do_is_said(stand: Bench) -> None:
    agent = stand.run(flow(step("a"), {"id": "b", "value": {"type": "aiagent", "input_transforms": {}}}))
    assert "cannot run" in agent.result["error"]["message"]
