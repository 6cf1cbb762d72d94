"""Failures: retries, tolerance, failure modules, and rules that break."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.engine_bench import Bench, FailsFirst, again, arms, flow, js, loop, repeat, static, step

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

HANDLER = step("failure", inputs={"error": "error", "recover": "flow_input.recover"})


def broken(name: str, **rules: Json) -> Json:
    return step(name, "fail", inputs={"message": static(name)}, **rules)


class TestFailureModules:
    def test_a_flow_that_recovers_is_a_success(self, stand: Bench) -> None:
        seen = stand.run(flow(broken("a"), failure_module=HANDLER), {"recover": True})
        assert seen.outcome == "success"
        assert seen.row["flow_status"]["failure_module"]["parent_module"] == "a"
        assert stand.run(flow(broken("a"), failure_module=HANDLER), {"recover": False}).outcome == "failure"

    def test_a_part_that_recovers_still_fails_the_module_above(self, stand: Bench) -> None:
        value = flow(arms("b", [broken("x")], parallel=False), step("after"), failure_module=HANDLER)
        seen = stand.run(value, {"recover": True})
        assert seen.child("branchall-0").outcome == "success"
        assert (seen.outcome, seen.paths) == ("failure", ["branchall-0"])

    def test_it_runs_once_in_the_innermost_flow(self, stand: Bench) -> None:
        value = flow(loop("l", "[0]", arms("b", [broken("x")])), failure_module=HANDLER)
        assert stand.run(value).outcome == "failure"
        assert [job.environment["WM_FLOW_STEP_ID"] for job in stand.ran] == ["x", "failure"]

    def test_in_a_preview_its_name_tells_where(self, stand: Bench) -> None:
        value = flow(loop("l", "[0, 1]", broken("x")), failure_module=HANDLER)
        stand.run(value, kind="flowpreview")
        steps = [job.environment["WM_FLOW_STEP_ID"] for job in stand.ran]
        assert sorted(steps) == ["failure-0-0", "failure-0-1", "x", "x"]

    def test_it_has_retries_of_its_own(self, stand: Bench) -> None:
        stand.answers["flaky"] = FailsFirst(1)
        value = flow(broken("a", retry=again(1)), failure_module=step("failure", "flaky", retry=again(1)))
        seen = stand.run(value)
        assert seen.paths == ["a", "a", "failure", "failure"]
        assert seen.result == 1

    def test_it_fails_too(self, stand: Bench) -> None:
        seen = stand.run(flow(broken("a"), failure_module=broken("failure")))
        assert (seen.outcome, seen.result["error"]["message"]) == ("failure", "failure")

    def test_it_knows_the_run(self, stand: Bench) -> None:
        handler = step("failure", inputs={"job": "flow_job_id", "since": "started_at"})
        seen = stand.run(flow(broken("a"), failure_module=handler))
        assert seen.result == {"job": seen.row["id"], "since": seen.row["started_at"]}


class TestRetries:
    def test_inputs_stay_those_of_the_first_attempt(self, stand: Bench) -> None:
        calls: list[Json] = []

        def fails_once(args: dict[str, Json]) -> Json:
            calls.append(args["now"])
            return FailsFirst(1)(args) if len(calls) == 1 else args

        stand.answers["fails_once"] = fails_once
        stand.run(flow(step("a", "fails_once", inputs={"now": "Math.random()"}, retry=again(1))))
        assert len(calls) == 2
        assert calls[0] == calls[1]

    def test_a_rule_that_throws_goes_straight_to_the_failure_module(self, stand: Bench) -> None:
        rule = again(2, retry_if={"expr": "nonsense.here"})
        seen = stand.run(flow(broken("a", retry=rule, continue_on_error=True), failure_module=HANDLER))
        assert seen.paths == ["a", "failure"]
        assert "nonsense" in seen.child("failure").args["error"]

    def test_a_retried_loop_begins_anew_with_the_arguments_of_what_failed(self, stand: Bench) -> None:
        stand.answers["flaky"] = FailsFirst(1)
        value = flow(loop("l", "[5]", step("a", "flaky"), retry=again(1)))
        seen = stand.run(value)
        assert seen.paths == ["forloop-0", "forloop-0"]
        first, second = seen.children
        # A real server takes over the arguments of the iteration that failed, and so does this one.
        assert first.args == {"iter": {"index": 0, "value": 5}}
        assert second.args == {"iter": {"index": 0, "value": 5}, "iter_parent": {"index": 0, "value": 5}}
        assert seen.modules[0]["flow_jobs"] == [second.row["id"]]
        assert seen.result == [1]

    def test_the_counter_is_told_while_it_counts(self, stand: Bench) -> None:
        job_id = stand.submit(flow(broken("a", retry=again(1, 3600))))
        stand.work()
        status = stand.seen(job_id).row["flow_status"]
        assert status["retry"]["fail_count"] == 1
        assert status["modules"][0]["type"] == "WaitingForExecutor"
        assert status["retry"]["failed_jobs"] == [stand.seen(job_id).children[0].row["id"]]


class TestTolerance:
    def test_a_last_step_may_fail(self, stand: Bench) -> None:
        seen = stand.run(flow(step("a"), broken("b", continue_on_error=True)))
        assert (seen.outcome, seen.result["error"]["message"]) == ("success", "b")

    def test_retries_come_first(self, stand: Bench) -> None:
        seen = stand.run(flow(broken("a", retry=again(2), continue_on_error=True), step("b")))
        assert seen.paths == ["a", "a", "a", "b"]

    def test_a_sequential_loop_goes_on_past_failures(self, stand: Bench) -> None:
        stand.answers["odd"] = lambda args: FailsFirst(1)(args) if args["i"] == 1 else args["i"]
        body = step("a", "odd", inputs={"i": "flow_input.iter.index"})
        seen = stand.run(flow(loop("l", "[0, 1, 2]", body, parallel=False, skip_failures=True)))
        assert seen.outcome == "success"
        assert [item if isinstance(item, int) else item["error"]["name"] for item in seen.result] == [
            0,
            "Failing",
            2,
        ]

    def test_a_tolerated_last_iteration_is_a_success(self, stand: Bench) -> None:
        seen = stand.run(flow(loop("l", "[0]", broken("a"), parallel=False, skip_failures=True)))
        assert (seen.outcome, seen.modules[0]["type"]) == ("success", "Success")

    def test_branches_one_after_the_other(self, stand: Bench) -> None:
        value = flow(arms("b", [broken("x")], [step("y")], parallel=False, skip=(0,)))
        assert stand.run(value).outcome == "success"
        strict = flow(arms("b", [broken("x")], [step("y")], parallel=False), step("z"))
        assert stand.run(strict).paths == ["branchall-0"]

    def test_a_while_loop_may_skip_failures(self, stand: Bench) -> None:
        stand.answers["flaky"] = FailsFirst(2)
        seen = stand.run(flow(repeat("w", "true", step("a", "flaky"), skip_failures=True)))
        assert [item if isinstance(item, int) else "failed" for item in seen.result] == [
            "failed",
            "failed",
            2,
        ]

    def test_a_parallel_loop_cannot_be_continued_past(self, stand: Bench) -> None:
        """It is so on a real server; whoever wants to go on writes `skip_failures`."""
        value = flow(loop("l", "[0]", broken("a"), continue_on_error=True), step("b"))
        seen = stand.run(value)
        assert (seen.outcome, seen.result["error"]["name"]) == ("failure", "InternalError")


class TestBrokenRules:
    @pytest.mark.parametrize(
        "module",
        [
            loop("x", "nonsense", step("b")),
            loop("x", "'text'", step("b")),
            loop("x", "[1]", step("b"), parallelism=js("0")),
            loop("x", "[1]", step("b"), parallelism=js("'two'")),
            step("x", skip_if={"expr": "nonsense.x"}),
        ],
    )
    def test_in_a_later_module_they_end_the_flow(self, stand: Bench, module: Json) -> None:
        seen = stand.run(flow(step("a"), module, step("c"), failure_module=HANDLER))
        assert (seen.outcome, seen.result["error"]["name"]) == ("failure", "InternalError")
        assert seen.paths == ["a"]

    def test_in_the_first_module_they_are_its_failure(self, stand: Bench) -> None:
        seen = stand.run(flow(loop("x", "nonsense", step("b")), failure_module=HANDLER))
        assert seen.paths == ["failure"]
        assert seen.child("failure").args["error"]["name"] == "Anyhow"

    def test_in_a_part_they_fail_the_part(self, stand: Bench) -> None:
        inner = loop("x", "nonsense", step("b"))
        seen = stand.run(flow(loop("l", "[0]", inner, skip_failures=True), step("c")))
        assert seen.child("forloop-0").outcome == "failure"
        assert seen.outcome == "success"

    def test_a_sleep_must_be_a_number(self, stand: Bench) -> None:
        seen = stand.run(flow(step("a", sleep=static("long")), step("b")))
        assert "sleep" in seen.result["error"]["message"]

    def test_a_predicate_that_throws_is_tolerated_like_any_failure(self, stand: Bench) -> None:
        chosen = {"type": "branchone", "branches": [{"expr": "nonsense.x", "modules": []}], "default": []}
        seen = stand.run(flow({"id": "c", "value": chosen, "continue_on_error": True}, step("b")))
        assert (seen.outcome, seen.paths) == ("success", ["b"])

    def test_a_stop_that_throws_cannot_be_tolerated(self, stand: Bench) -> None:
        stop = {"expr": "nonsense.x", "skip_if_stopped": False}
        value = flow(step("a", stop_after_if=stop, continue_on_error=True, retry=again(2)), step("b"))
        seen = stand.run(value)
        assert (seen.outcome, seen.paths) == ("failure", ["a"])
        assert "nonsense" in seen.result["error"]
