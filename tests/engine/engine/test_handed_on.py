"""What a module hands to the one after it, where that is not what its job kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.engine_bench import Bench, arms, choice, flow, repeat, static, step

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

KEYS = "Object.keys(%s).join()"


def test_keys_come_as_the_job_wrote_them_and_later_as_they_are_kept(stand: Bench) -> None:
    stand.answers["longest first"] = lambda _: {"bbb": 1, "a": 2}
    looks = {"keys": KEYS % "results.one"}
    seen = stand.run(
        flow(step("one", "longest first"), step("next", inputs=looks), step("later", inputs=looks))
    )
    assert seen.child("next").args == {"keys": "bbb,a"}
    assert seen.child("later").args == {"keys": "a,bbb"}


def test_a_part_hands_them_on_in_that_order_too(stand: Bench) -> None:
    stand.answers["longest first"] = lambda _: {"bbb": 1, "a": 2}
    inside = choice("c", {"false": []}, [step("one", "longest first")])
    seen = stand.run(flow(inside, step("next", inputs={"keys": KEYS % "previous_result"})))
    assert seen.child("next").args == {"keys": "bbb,a"}


def part_that_cannot_go_on(**rules: Json) -> Json:
    inside = [step("one", inputs={"v": static(1)}), step("two", skip_if={"expr": "nothing.such"})]
    return choice("c", {"false": []}, inside, **rules)


def test_a_part_whose_next_module_cannot_begin_hands_on_the_result_before_it(stand: Bench) -> None:
    told = {"told": "previous_result"}
    seen = stand.run(flow(part_that_cannot_go_on(continue_on_error=True), step("after", inputs=told)))
    assert seen.child("branchone-0").outcome == "failure"
    assert seen.child("branchone-0").result["error"]["name"] == "InternalError"
    assert seen.child("after").args == {"told": {"v": 1}}


def test_a_failure_that_was_answered_below_stays_answered_where_the_next_module_cannot_begin(
    stand: Bench,
) -> None:
    failed = arms("b", [step("x", "fail")], continue_on_error=True)
    inside = [failed, step("two", skip_if={"expr": "nothing.such"})]
    turns = repeat("w", "true", *inside)
    stand.run(flow(turns, failure_module=step("failure")))
    assert [job.environment["WM_FLOW_STEP_ID"] for job in stand.ran] == ["x", "failure"]


def test_an_empty_choice_that_its_rule_fails_has_no_result_to_look_up(stand: Bench) -> None:
    rule = {"expr": "true", "error_message": "enough", "skip_if_stopped": False}
    empty = choice("c", {}, [], stop_after_if=rule, continue_on_error=True)
    after = step("after", inputs={"k": "results.c.k"})
    value = flow(step("one", inputs={"k": static(7)}), empty, after, failure_module=step("failure"))
    seen = stand.run(value)
    assert seen.child("after").args == {"k": None}


def test_a_flow_that_stops_as_skipped_counts_as_skipped_though_its_module_failed(stand: Bench) -> None:
    rule = {"expr": "true", "skip_if_stopped": True}
    failed = arms("b", [step("x", "fail")], parallel=False, stop_after_all_iters_if=rule)
    seen = stand.run(flow(failed, step("after")))
    assert (seen.outcome, seen.modules[0]["type"]) == ("skipped", "Failure")
    assert json.dumps(seen.result).count("error") == 1
