"""A server that dies at any instant: the next one goes on, and does nothing twice and nothing not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.crashing import Death, crashing_bench
from tests.support.engine_bench import (
    Bench,
    FailsFirst,
    again,
    arms,
    bench,
    choice,
    flow,
    loop,
    repeat,
    static,
    step,
)

if TYPE_CHECKING:
    from pathlib import Path

    from metaflow_windmill.devserver.expressions.evaluator import Evaluator
    from metaflow_windmill.types import Json

MIXED = flow(
    step("s", inputs={"list": static([1, 2, 3])}),
    loop(
        "l",
        "results.s.list",
        step("a", inputs={"v": "flow_input.iter.value"}),
        step("b", inputs={"a": "results.a.v"}),
    ),
    arms(
        "both",
        [step("x")],
        [loop("m", "[7, 8]", step("y", inputs={"v": "flow_input.iter.value"}), parallel=False)],
    ),
    repeat("w", "result.i === 1", step("t", inputs={"i": "flow_input.iter.index"})),
    choice("c", {"results.l.length === 3": [{"id": "i", "value": {"type": "identity"}}]}, [step("never")]),
    loop("none", "[]", step("z")),
    step("e", inputs={"l": "results.l", "m": "results.m", "w": "results.w", "none": "results.none"}),
)
EXPECTED = {
    "l": [{"a": 1}, {"a": 2}, {"a": 3}],
    "m": [{"v": 7}, {"v": 8}],
    "none": [],
    "w": [{"i": 0}, {"i": 1}],
}


def shape(stand: Bench, job_id: str) -> Json:
    """Return the tree of a run without what differs from run to run."""

    def of(seen: Json) -> Json:
        return (
            seen.row.get("script_path"),
            seen.outcome,
            seen.result,
            sorted(map(of, seen.children), key=repr),
        )

    return of(stand.seen(job_id))


SMALL = flow(
    loop("l", "[0, 1]", step("a", "flaky", retry=again(1)), choice("c", {"true": [step("x")]}, [])),
    step("e", inputs={"l": "results.l"}),
)


def test_whichever_write_is_the_last(tmp_path: Path, evaluator: Evaluator) -> None:
    """A server dies once, at each of its writes in turn; the next one ends the run as if nothing had been."""

    def ran(name: str, death: Death | None) -> tuple[Json, int, int]:
        lives = [death, None]
        with crashing_bench(tmp_path / name, evaluator, lambda life: lives[life]) as crashing:
            crashing.answers["flaky"] = FailsFirst(1)
            job_id = crashing.run_to_the_end(SMALL)
            return shape(crashing.stand, job_id), crashing.crashes, crashing.writes

    expected, _, writes = ran("whole", None)
    assert writes > 20
    for number in range(1, writes + 1):
        for kept in (True, False):
            found, crashes, _ = ran(f"{number}-{kept}", Death(number, kept))
            assert (crashes, found) == (1, expected), f"died at write {number}, kept: {kept}"


def test_it_goes_on_however_often_the_server_dies(tmp_path: Path, evaluator: Evaluator) -> None:
    with bench(tmp_path / "whole", evaluator=evaluator) as whole:
        expected = shape(whole, whole.run(MIXED).row["id"])
    assert expected[2] == EXPECTED
    with crashing_bench(tmp_path / "crashing", evaluator) as crashing:
        job_id = crashing.run_to_the_end(MIXED)
        assert crashing.crashes > 20
        assert shape(crashing.stand, job_id) == expected


def test_attempts_are_counted_once(tmp_path: Path, evaluator: Evaluator) -> None:
    with crashing_bench(tmp_path, evaluator) as crashing:
        crashing.answers["flaky"] = FailsFirst(2)
        value = flow(loop("l", "[0]", step("z"), step("a", "flaky", retry=again(2))), step("b"))
        job_id = crashing.run_to_the_end(value)
        part = crashing.stand.seen(job_id).child("forloop-0")
    assert [child.outcome for child in part.children] == ["success", "failure", "failure", "success"]
    assert len(part.modules[1]["failed_retries"]) == 2


def test_jobs_that_wait_and_jobs_that_run_are_still_there(tmp_path: Path, evaluator: Evaluator) -> None:
    with bench(tmp_path, evaluator=evaluator) as first:
        job_id = first.submit(flow(loop("l", "[0, 1]", step("a"))))
        first.settle()
        running = first.engine.pull("w", ())
        assert running is not None
    with bench(tmp_path, evaluator=evaluator) as second:
        second.engine.recover()
        assert second.engine.running() == {running.id: "w"}
        second.engine.requeue(running.id)
        second.work()
        assert second.seen(job_id).result == [{}, {}]
        assert sorted(job.id == running.id for job in second.ran) == [False, True]


def test_secrets_stay_hidden_in_the_log_of_a_job_that_goes_on(tmp_path: Path, evaluator: Evaluator) -> None:
    with bench(tmp_path, evaluator=evaluator) as first:
        first.submit(flow(step("a")))
        first.settle()
        running = first.engine.pull("w", ())
        assert running is not None
    with bench(tmp_path, evaluator=evaluator) as second:
        second.catalog.variables["f/v/key"] = "a long secret"
        second.engine.recover()
        second.logs.append(running.id, "it is a long secret\n")
        assert second.logs.read(running.id) == "it is ******\n"


def test_a_worker_that_was_stopped_on_purpose_did_not_die(tmp_path: Path, evaluator: Evaluator) -> None:
    with bench(tmp_path, evaluator=evaluator) as stand:
        job_id = stand.submit(flow(step("a")))
        stand.settle()
        for _ in range(10):
            job = stand.engine.pull("w", ())
            assert job is not None
            stand.engine.release(job.id)
        stand.work()
        assert stand.seen(job_id).outcome == "success"


def test_what_is_due_later_is_remembered(tmp_path: Path, evaluator: Evaluator) -> None:
    with bench(tmp_path, evaluator=evaluator) as first:
        job_id = first.submit(flow({"id": "i", "value": {"type": "identity"}, "sleep": static(0.5)}))
        first.settle()
    with bench(tmp_path, evaluator=evaluator) as second:
        second.engine.recover()
        with second.engine.changes.subscribe(job_id) as news:
            while second.seen(job_id).outcome != "success":
                assert news.wait(60), "the alarm did not ring"


@pytest.mark.parametrize("event", [None, {"kind": "webhook"}])
def test_a_flow_that_was_only_just_asked_for_begins(
    tmp_path: Path, evaluator: Evaluator, event: Json
) -> None:
    with crashing_bench(tmp_path, evaluator) as crashing:
        value = flow(step("a"), preprocessor_module=step("pre"))
        job_id = crashing.run_to_the_end(value, event=event)
        assert crashing.stand.seen(job_id).outcome == "success"
