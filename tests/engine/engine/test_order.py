"""What runs when: early ends, skipped steps, loops in their lanes, things put off."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.support.engine_bench import (
    Bench,
    Seen,
    arms,
    choice,
    flow,
    js,
    loop,
    repeat,
    static,
    step,
)

from metaflow_windmill.devserver.store import clock, flow_rows

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

IDENTITY = {"type": "identity"}


def ended(job: Seen) -> datetime:
    return datetime.fromisoformat(job.row["completed_at"].replace("Z", "+00:00"))


class TestEarlyEnds:
    @pytest.mark.parametrize(
        ("rule", "outcome", "message"),
        [
            ({"skip_if_stopped": False}, "success", None),
            ({"skip_if_stopped": True}, "skipped", None),
            ({"skip_if_stopped": False, "error_message": "enough"}, "failure", "enough"),
            ({"skip_if_stopped": False, "error_message": ""}, "failure", "stop after if: true"),
            ({"skip_if_stopped": True, "error_message": "enough"}, "skipped", None),
        ],
    )
    def test_a_step_may_end_the_flow(
        self, stand: Bench, rule: Json, outcome: str, message: str | None
    ) -> None:
        seen = stand.run(flow(step("a", stop_after_if={"expr": "true", **rule}), step("b")))
        assert (seen.outcome, seen.paths) == (outcome, ["a"])
        if message is not None:
            assert seen.result == {"error": {"name": "EarlyStopError", "message": message}}

    def test_an_error_may_carry_the_result_to_the_failure_module(self, stand: Bench) -> None:
        rule = {"expr": "true", "skip_if_stopped": False, "error_message": "no", "error_include_result": True}
        handler = step("failure", inputs={"seen": "error.result"})
        value = flow(step("a", inputs={"v": static(1)}, stop_after_if=rule), failure_module=handler)
        assert stand.run(value).result == {"seen": {"v": 1}}

    def test_inside_a_sequential_loop_only_the_loop_ends(self, stand: Bench) -> None:
        stop = {"expr": "result.i === 1", "skip_if_stopped": False}
        body = [step("a", inputs={"i": "flow_input.iter.index"}, stop_after_if=stop), step("b")]
        seen = stand.run(flow(loop("l", "[0, 1, 2]", *body, parallel=False), step("c")))
        assert seen.paths == ["loop-0", "loop-1", "c"]

    def test_inside_a_branch_the_flow_ends(self, stand: Bench) -> None:
        stop = {"expr": "true", "skip_if_stopped": False}
        for parallel, rest in ((False, []), (True, ["branchall-1", "c"])):
            value = flow(
                arms("b", [step("x", stop_after_if=stop), step("y")], [step("z")], parallel=parallel),
                step("c"),
            )
            assert stand.run(value).paths == ["branchall-0", *rest]

    def test_a_loop_may_end_the_flow_by_all_its_results(self, stand: Bench) -> None:
        rule = {"expr": "result.length === 2", "skip_if_stopped": False}
        for parallel in (True, False):
            value = flow(
                loop("l", "[0, 1]", step("a"), parallel=parallel, stop_after_all_iters_if=rule), step("b")
            )
            assert stand.run(value).paths == [f"{'forloop' if parallel else 'loop'}-{i}" for i in range(2)]

    def test_such_a_rule_that_throws_ends_with_an_error(self, stand: Bench) -> None:
        rule = {"expr": "nonsense.x", "skip_if_stopped": False}
        seen = stand.run(flow(loop("l", "[0]", step("a"), stop_after_all_iters_if=rule), step("b")))
        assert seen.result["error"]["name"] == "EarlyStopError"
        assert seen.modules[0]["type"] == "Failure"

    def test_a_rule_may_look_at_all_results_so_far(self, stand: Bench) -> None:
        rule = {"expr": "all_iters.length === 3", "skip_if_stopped": False}
        body = step("a", inputs={"i": "flow_input.iter.index"})
        seen = stand.run(flow({**repeat("w", "", body), "stop_after_if": rule}))
        assert seen.result == [{"i": 0}, {"i": 1}, {"i": 2}]

    def test_a_flow_may_not_even_begin(self, stand: Bench) -> None:
        seen = stand.run(flow(step("a"), step("b"), skip_expr="flow_input.n > 1"), {"n": 2})
        assert (seen.outcome, seen.result, seen.children) == ("skipped", "stopped early", [])
        assert [(module["type"], module.get("skipped", False)) for module in seen.modules] == [
            ("Success", True),
            ("WaitingForPriorSteps", False),
        ]
        assert stand.run(flow(step("a"), skip_expr="flow_input.n > 1"), {"n": 0}).paths == ["a"]


def test_the_log_of_a_flow_tells_how_it_ended(stand: Bench) -> None:
    stop = {"expr": "true", "skip_if_stopped": True}
    for module, words in (
        (step("a"), "completed with success"),
        (step("a", "fail"), "completed with error"),
        (step("a", stop_after_if=stop), "stopped early"),
    ):
        assert words in stand.logs.read(stand.run(flow(module)).row["id"])


class TestSkippedSteps:
    def test_the_result_before_passes_through(self, stand: Bench) -> None:
        skip = {"expr": "result.v === 1"}
        stop = {"expr": "true", "skip_if_stopped": False}
        seen = stand.run(
            flow(
                step("a", inputs={"v": static(1)}),
                step("b", "fail", skip_if=skip, stop_after_if=stop),
                step("c", inputs={"b": "results.b"}),
            )
        )
        assert seen.result == {"b": {"v": 1}}
        assert seen.modules[1]["skipped"]

    @pytest.mark.parametrize(
        "container",
        [
            loop("m", "[0, 1, 2]", step("x", inputs={"v": "flow_input.iter.index"}), parallel=False),
            {**repeat("m", "false", step("x", inputs={"v": "flow_input.iter.index"}))},
            arms("m", [step("x", inputs={"v": static(0)})], [step("y")], parallel=False),
        ],
        ids=["forloop", "whileloop", "branchall"],
    )
    def test_a_container_is_asked_again_before_each_turn(self, stand: Bench, container: Json) -> None:
        asked = {**container, "skip_if": {"expr": "results.a.v === 0"}}
        seen = stand.run(
            flow(step("a", inputs={"v": static(1)}), asked, step("z", inputs={"m": "results.m"}))
        )
        assert len(seen.children) == 4
        assert seen.result == {"m": {"v": 0}}
        assert (seen.modules[1]["skipped"], "flow_jobs" in seen.modules[1]) == (True, False)

    @pytest.mark.parametrize("parallel", [True, False])
    def test_a_container_whose_turns_change_nothing_is_not_skipped(
        self, stand: Bench, *, parallel: bool
    ) -> None:
        asked = loop("m", "[0, 1]", step("x"), parallel=parallel, skip_if={"expr": "flow_input.n === 0"})
        assert stand.run(flow(asked), {"n": 1}).modules[0]["type"] == "Success"
        assert len(stand.ran) == 2

    def test_a_mock_stands_in_for_a_loop(self, stand: Bench) -> None:
        value = flow(loop("l", "[1, 2]", step("a"), mock={"enabled": True, "return_value": [9]}))
        assert stand.run(value).result == [9]
        assert stand.ran == []

    @pytest.mark.parametrize(("first", "expected"), [(True, "{}"), (False, {"v": 1})])
    def test_an_empty_branch_passes_on(self, stand: Bench, first: bool, expected: Json) -> None:
        before = [] if first else [step("a", inputs={"v": static(1)})]
        assert stand.run(flow(*before, choice("c", {"true": []}, []))).result == expected

    def test_no_branches_and_no_bodies_give_empty_lists(self, stand: Bench) -> None:
        for module in (arms("b"), loop("l", "[1]"), loop("l", "[1]", parallel=False)):
            assert stand.run(flow(module)).result == []


class TestLoops:
    def test_parallelism_lets_so_many_run_at_a_time(self, stand: Bench) -> None:
        job_id = stand.submit(flow(loop("l", "[0, 1, 2, 3]", step("a"), parallelism=2)))
        waiting = []
        for _ in range(4):
            stand.settle()
            states = [child.outcome for child in stand.seen(job_id).children]
            waiting.append(states.count("queued"))
            stand.work(1)
        stand.work()
        assert waiting == [2, 1, 0, 0]
        assert stand.seen(job_id).outcome == "success"

    def test_a_sequential_loop_leaves_its_last_results_behind(self, stand: Bench) -> None:
        body = [
            step("x", inputs={"i": "flow_input.iter.index"}),
            choice("c", {"results.x.i === 0": [step("y", inputs={"i": "results.x.i"})]}, [step("z")]),
        ]
        seen = stand.run(
            flow(loop("l", "[0, 1]", *body, parallel=False), step("e", inputs={"y": "results.y"}))
        )
        assert seen.result == {"y": {"i": 0}}

    def test_a_parallel_loop_hides_its_insides(self, stand: Bench) -> None:
        seen = stand.run(
            flow(loop("l", "[0]", step("x")), step("e", inputs={"x": "results.x", "l": "results.l[0]"}))
        )
        assert seen.result == {"l": {}, "x": None}

    def test_how_far_a_loop_is_can_be_seen(self, stand: Bench) -> None:
        job_id = stand.submit(flow(loop("l", "[0, 1, 2]", step("a"))))
        stand.work(1)
        module = stand.seen(job_id).modules[0]
        assert module["iterator"] == {"index": 1, "itered_len": 3}
        assert (module["parallel"], len(module["flow_jobs"])) == (True, 3)
        assert sorted(module["flow_jobs_success"], key=str) == [None, None, True]

    def test_a_long_loop_keeps_no_list(self, stand: Bench) -> None:
        seen = stand.run(flow(loop("l", "Array.from({length: 400}, (_, i) => i)", choice("c", {}, []))))
        assert len(seen.result) == 400
        stored = flow_rows.load_module(stand.database.read(), seen.row["id"], 0)
        assert stored is not None
        assert len(repr(stored)) < 500

    def test_a_while_loop_sees_the_turn_before(self, stand: Bench) -> None:
        body = [step("a", inputs={"n": "(results.a?.n ?? 0) + 1"}), step("b", inputs={"n": "results.a.n"})]
        assert stand.run(flow(repeat("w", "result.n >= 3", *body))).result == [{"n": 1}, {"n": 2}, {"n": 3}]

    def test_three_levels_know_each_other(self, stand: Bench) -> None:
        names = ("iter_parent_parent", "iter_parent", "iter")
        path = f"[{', '.join(f'flow_input.{name}.index' for name in names)}].join()"
        value = flow(
            loop("x", "[0, 1]", loop("y", "[0]", loop("z", "[0, 1]", step("s", inputs={"p": path}))))
        )
        assert stand.run(value).result == [[[{"p": f"{x},0,{z}"} for z in range(2)]] for x in range(2)]


class TestPutOff:
    def test_a_sleep_puts_off_the_next_step(self, stand: Bench) -> None:
        job_id = stand.submit(flow(step("a", sleep=static(3600)), step("b")))
        stand.work()
        later = stand.seen(job_id).child("b")
        assert later.outcome == "queued"
        due = stand.database.read().execute("SELECT scheduled_for FROM job WHERE id = ?", (later.row["id"],))
        assert 3590e6 < due.fetchone()[0] - clock.now() < 3610e6

    def test_a_last_step_that_sleeps_ends_the_flow_later(self, stand: Bench) -> None:
        job_id = stand.submit(flow(step("a", inputs={"v": static(1)}, sleep=js("0.3"))))
        stand.work()
        with stand.engine.changes.subscribe(job_id) as news:
            while stand.seen(job_id).outcome == "running":
                assert news.wait(60), "the alarm did not ring"
        seen = stand.seen(job_id)
        assert seen.result == {"v": 1}
        assert ended(seen) - ended(seen.child("a")) >= timedelta(seconds=0.3)

    def test_an_identity_passes_the_arguments_of_its_flow_on(self, stand: Bench) -> None:
        assert stand.run(flow({"id": "i", "value": IDENTITY}), {"n": 1}).result == {"n": 1}

    def test_a_preprocessor_makes_the_arguments(self, stand: Bench) -> None:
        stand.answers["shape"] = lambda args: {"n": args["event"]["body"]["n"] + 1}
        value = flow(step("a", inputs={"n": "flow_input.n"}), preprocessor_module=step("pre", "shape"))
        seen = stand.run(value, event={"kind": "webhook", "body": {"n": 1}})
        assert (seen.args, seen.result) == ({"n": 2}, {"n": 2})
        assert stand.ran[0].args["_ENTRYPOINT_OVERRIDE"] == "preprocessor"
        assert seen.row["flow_status"]["preprocessor_module"]["type"] == "Success"
        assert stand.run(value, {"n": 5}).result == {"n": 5}

    def test_a_preprocessor_that_fails_fails_the_flow(self, stand: Bench) -> None:
        value = flow(step("a"), preprocessor_module=step("pre", "fail"))
        seen = stand.run(value, event={"kind": "webhook"})
        assert (seen.outcome, seen.paths) == ("failure", ["preprocessor"])
