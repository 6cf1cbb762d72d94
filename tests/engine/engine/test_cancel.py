"""Canceling: what waits, what runs, whole trees, and only a part."""

from __future__ import annotations

import pytest
from tests.support.engine_bench import Bench, Failing, again, arms, flow, loop, static, step

from metaflow_windmill.devserver.model import Outcome

KILLED = Outcome(success=False, result={"error": {"name": "ExecutionErr", "message": "killed"}})


@pytest.fixture
def killed(stand: Bench) -> list[str]:
    """The jobs whose processes were to be killed."""
    jobs: list[str] = []
    stand.engine.on_kill(jobs.append)
    return jobs


def test_a_flow_ends_when_its_running_steps_have_been_killed(stand: Bench, killed: list[str]) -> None:
    job_id = stand.submit(flow(loop("l", "[0, 1, 2]", step("a")), step("b"), failure_module=step("failure")))
    stand.settle()
    running = stand.engine.pull("w", ())
    assert running is not None
    assert stand.engine.cancel(job_id, "ada", "enough")
    stand.settle()
    assert killed == [running.id]
    assert stand.seen(job_id).outcome == "running"
    assert stand.seen(job_id).row["canceled"] is True
    stand.engine.finish(running.id, KILLED)
    stand.settle()
    seen = stand.seen(job_id)
    assert seen.result["error"] == {
        "name": "Canceled",
        "message": "Job canceled: enough by ada",
        "reason": "enough",
        "canceler": "ada",
    }
    assert {part.outcome for part in (seen, *seen.children)} == {"canceled"}
    assert {leaf.outcome for part in seen.children for leaf in part.children} == {"canceled"}
    assert stand.engine.pull("w", ()) is None


def test_a_job_that_waits_ends_at_once(stand: Bench, killed: list[str]) -> None:
    job_id = stand.submit(flow(step("a", "fail", retry=again(1, 3600))))
    stand.work()
    assert stand.engine.cancel(job_id, "ada")
    stand.settle()
    seen = stand.seen(job_id)
    assert [child.outcome for child in seen.children] == ["failure", "canceled"]
    assert (seen.outcome, seen.result["error"]["reason"]) == ("canceled", "unexplicited reasons")
    assert killed == []


def test_a_flow_of_the_future_never_begins(stand: Bench) -> None:
    inner = flow(step("a", sleep=static(3600)), step("b"))
    job_id = stand.submit(inner)
    stand.work()
    stand.engine.cancel(job_id, "ada")
    stand.settle()
    assert stand.seen(job_id).outcome == "canceled"


def test_iterations_that_wait_for_others_are_canceled_too(stand: Bench) -> None:
    job_id = stand.submit(flow(loop("l", "[0, 1, 2]", step("a"), parallelism=1)))
    stand.settle()
    stand.engine.cancel(job_id, "ada")
    stand.settle()
    seen = stand.seen(job_id)
    assert [child.outcome for child in (seen, *seen.children)] == ["canceled"] * 4


def test_a_loop_that_skips_failures_does_not_go_on(stand: Bench) -> None:
    job_id = stand.submit(flow(loop("l", "[0, 1]", step("a"), parallel=False, skip_failures=True)))
    stand.settle()
    running = stand.engine.pull("w", ())
    assert running is not None
    stand.engine.cancel(job_id, "ada")
    stand.engine.finish(running.id, KILLED)
    stand.settle()
    assert (stand.seen(job_id).outcome, stand.seen(job_id).paths) == ("canceled", ["loop-0"])


def test_a_single_step_that_is_canceled_is_a_failure_of_that_step(stand: Bench) -> None:
    job_id = stand.submit(flow(step("a", retry=again(1)), step("b")))
    stand.settle()
    stand.engine.cancel(stand.seen(job_id).children[0].row["id"], "ada", "once")
    stand.work()
    seen = stand.seen(job_id)
    assert [child.outcome for child in seen.children] == ["canceled", "success", "success"]
    assert seen.outcome == "success"


def test_a_part_that_is_canceled_fails_the_flow_above(stand: Bench) -> None:
    job_id = stand.submit(flow(arms("b", [step("x")], [step("y")]), failure_module=step("failure")))
    stand.settle()
    stand.engine.cancel(stand.seen(job_id).child("branchall-0").row["id"], "ada")
    stand.work()
    seen = stand.seen(job_id)
    assert (seen.child("branchall-0").outcome, seen.child("branchall-1").outcome) == ("canceled", "success")
    assert seen.outcome == "failure"


def test_a_result_that_was_faster_than_the_kill_is_kept(stand: Bench) -> None:
    job_id = stand.submit(flow(step("a"), step("b")))
    stand.settle()
    running = stand.engine.pull("w", ())
    assert running is not None
    stand.engine.cancel(job_id, "ada")
    stand.engine.finish(running.id, Outcome(success=True, result=1))
    stand.settle()
    seen = stand.seen(job_id)
    assert (seen.outcome, seen.children[0].outcome, seen.paths) == ("canceled", "success", ["a"])


def test_by_force_the_whole_tree_ends_from_the_top(stand: Bench, killed: list[str]) -> None:
    job_id = stand.submit(flow(loop("l", "[0, 1]", step("a")), step("b")))
    stand.settle()
    running = stand.engine.pull("w", ())
    assert running is not None
    assert stand.engine.force_cancel(running.id, "ada", "now")
    seen = stand.seen(job_id)
    assert {part.outcome for part in (seen, *seen.children)} == {"canceled"}
    assert killed == [running.id]
    stand.engine.finish(running.id, KILLED)
    stand.work()
    assert stand.seen(job_id).paths == ["forloop-0", "forloop-1"]
    assert stand.ran == []


def test_there_may_be_nothing_to_cancel(stand: Bench) -> None:
    done = stand.run(flow(step("a"))).row["id"]
    assert not stand.engine.cancel(done, "ada")
    assert not stand.engine.force_cancel(done, "ada")
    assert not stand.engine.cancel("nobody", "ada")


def test_a_cancel_during_a_slow_decision_wins(stand: Bench) -> None:
    """The plan was made without knowing of the cancel, so it is made again."""

    def cancels(args: dict[str, object]) -> object:
        stand.engine.cancel(job_id, "ada")
        raise Failing("and fails")

    stand.answers["cancels"] = cancels
    job_id = stand.submit(flow(step("a", "cancels", retry=again(5)), step("b")))
    stand.work()
    seen = stand.seen(job_id)
    assert (seen.outcome, seen.paths) == ("canceled", ["a"])
