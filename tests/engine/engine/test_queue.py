"""Jobs on their way: asked for, given out, ended, put back, due later."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.engine_bench import WHO, Bench, Seen, flow, step

from metaflow_windmill.devserver.model import JobExists, Outcome, RunnableFlow, ScriptCode, Submission
from metaflow_windmill.devserver.store import job_rows
from metaflow_windmill.errors import InvalidDocument

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

MINE = "11111111-2222-4333-8444-555555555555"


def script(stand: Bench, content: str = "echo", args: Json = None, **said: Any) -> str:
    """Ask for a run of a script."""
    code = ScriptCode(content, path=said.pop("path", "f/tests/script"), **said.pop("code", {}))
    return stand.engine.submit(
        Submission(said.pop("kind", "script"), WHO, args or {}, code.path, code, **said)
    )


def ran(stand: Bench, job_id: str) -> Seen:
    stand.work()
    return stand.seen(job_id)


class TestAskedFor:
    def test_the_caller_may_choose_the_id_once(self, stand: Bench) -> None:
        assert stand.submit(flow(step("a")), job_id=MINE) == MINE
        with pytest.raises(JobExists, match="already exists"):
            stand.submit(flow(step("a")), job_id=MINE)
        stand.work()
        assert len(stand.ran) == 1

    def test_what_is_no_flow_is_refused_with_the_place(self, stand: Bench) -> None:
        with pytest.raises(InvalidDocument, match=r"modules\[0\]"):
            stand.submit(flow({"id": "a"}))

    def test_nothing_is_resolved_at_deployment(self, stand: Bench) -> None:
        version = RunnableFlow("f/tests/flow", 1, flow(step("a")))
        deployment = Submission("flowdependencies", WHO, {}, "f/tests/flow", flow=version)
        seen = stand.seen(stand.engine.submit(deployment))
        assert (seen.outcome, seen.row["tag"]) == ("success", "dependency")
        assert script(stand, kind="dependencies") not in stand.engine.running()
        assert stand.engine.pull("bench", ()) is None

    def test_a_preprocessor_gets_the_event_and_its_arguments_are_kept(self, stand: Bench) -> None:
        job_id = script(stand, code={"has_preprocessor": True}, event={"kind": "webhook"})
        job = stand.engine.pull("bench", ())
        assert job is not None
        assert (job.args, job.preprocess) == ({"event": {"kind": "webhook"}}, True)
        stand.engine.finish(job_id, Outcome(success=True, result=1, args={"n": 1}))
        assert stand.seen(job_id).args == {"n": 1}
        assert stand.seen(job_id).row["preprocessed"] is True

    def test_an_event_without_a_preprocessor_is_left_out(self, stand: Bench) -> None:
        seen = ran(stand, script(stand, args={"n": 2}, event={"kind": "webhook"}))
        assert seen.result == {"n": 2}


class TestGivenOut:
    def test_first_come_first_served(self, stand: Bench) -> None:
        asked = [script(stand) for _ in range(3)]
        given = [stand.engine.pull("w", ()) for _ in range(3)]
        assert [job.id for job in given if job] == asked
        assert stand.engine.pull("w", ()) is None
        assert stand.engine.running() == dict.fromkeys(asked, "w")

    def test_workers_take_their_tags(self, stand: Bench) -> None:
        wanted = script(stand, tag="gpu")
        assert stand.engine.pull("w", ("python3", "flow")) is None
        job = stand.engine.pull("w", ("python3", "gpu"))
        assert job is not None
        assert job.id == wanted

    def test_what_a_job_sees_of_its_surroundings(self, stand: Bench) -> None:
        stand.catalog.env = {"COLOUR": "blue", "WM_JOB_ID": "never"}
        job_id = script(
            stand, schedule_path="f/s/daily", created_by="schedule-f/s/daily", code={"hash": "ab"}
        )
        job = stand.engine.pull("w", ())
        assert job is not None
        seen = job.environment
        assert seen["COLOUR"] == "blue"
        assert seen["WM_JOB_ID"] == seen["WM_ROOT_JOB_ID"] == job_id
        assert seen["WM_TOKEN"] == f"token of {job_id}"
        assert seen["WM_STATE_PATH"] == "f/tests/script/schedule-f/s/daily"
        assert seen["WM_SCHEDULE_PATH"] == "f/s/daily"
        assert seen["WM_RUNNABLE_ID"] == "ab"
        assert seen["WM_FLOW_JOB_ID"] == seen["WM_FLOW_PATH"] == seen["WM_FLOW_STEP_ID"] == ""
        assert seen["BASE_INTERNAL_URL"] == "http://server"

    def test_whoever_dispatches_is_woken(self, stand: Bench) -> None:
        assert not stand.engine.wait_for_work(0)
        script(stand)
        assert stand.engine.wait_for_work(0)
        assert not stand.engine.wait_for_work(0)

    def test_not_before_its_time(self, stand: Bench) -> None:
        script(stand, scheduled_for=datetime.now(timezone.utc) + timedelta(hours=1))
        when = datetime.now(timezone.utc) + timedelta(seconds=0.4)
        job_id = script(stand, scheduled_for=when)
        deadline = time.monotonic() + 60
        while (job := stand.engine.pull("w", ())) is None:
            assert stand.engine.wait_for_work(deadline - time.monotonic()), "nobody was woken"
        assert job.id == job_id
        assert datetime.now(timezone.utc) >= when

    def test_a_flow_begins_at_its_time(self, stand: Bench) -> None:
        when = datetime.now(timezone.utc) + timedelta(seconds=0.3)
        job_id = stand.submit(flow({"id": "i", "value": {"type": "identity"}}), {"n": 1}, scheduled_for=when)
        with stand.engine.changes.subscribe(job_id) as news:
            while stand.seen(job_id).outcome != "success":
                assert news.wait(60), "the flow did not begin"
        began = datetime.fromisoformat(stand.seen(job_id).row["started_at"].replace("Z", "+00:00"))
        assert began >= when


class TestEnded:
    def test_the_first_report_counts(self, stand: Bench) -> None:
        job_id = script(stand)
        stand.engine.pull("w", ())
        stand.engine.finish(job_id, Outcome(success=True, result=1, memory_kb=2048))
        stand.engine.finish(job_id, Outcome(success=False, result=2))
        stand.engine.finish("nobody", Outcome(success=True, result=3))
        seen = stand.seen(job_id)
        assert (seen.result, seen.row["mem_peak"]) == (1, 2048)

    def test_a_result_may_name_labels_and_a_failure(self, stand: Bench) -> None:
        stand.answers["marks"] = lambda _: {"wm_labels": ["x", 1, "y", "x"], "wm_failure": "no"}
        seen = ran(stand, script(stand, "marks", labels=("given",)))
        assert seen.row["labels"] == ["given", "x", "y"]
        assert seen.outcome == "failure"
        assert seen.result["error"] == {"message": "no", "name": "ManualFailure"}

    def test_a_flow_has_the_labels_of_its_last_result(self, stand: Bench) -> None:
        stand.answers["marks"] = lambda _: {"wm_labels": ["x"]}
        assert stand.run(flow(step("a"), step("b", "marks"))).row["labels"] == ["x"]
        assert "labels" not in stand.run(flow(step("a", "marks"), step("b"))).row

    def test_results_are_kept_as_windmill_keeps_them(self, stand: Bench) -> None:
        stand.answers["odd"] = lambda _: {"long": float("nan"), "b": 1, "a": (1, 2)}
        seen = ran(stand, script(stand, "odd"))
        assert list(seen.result.items()) == [("a", [1, 2]), ("b", 1), ("long", None)]

    def test_secrets_are_hidden_in_the_log_and_in_its_file(self, stand: Bench) -> None:
        stand.catalog.variables["f/v/key"] = "a long secret"
        job_id = script(stand, args={"key": "$var:f/v/key"})
        stand.engine.pull("w", ())
        stand.logs.path(job_id).write_text("the key is a long secret\n")
        assert stand.logs.read(job_id) == "the key is ******\n"
        stand.engine.finish(job_id, Outcome(success=True, result=None))
        assert stand.logs.path(job_id).read_text() == "the key is ******\n"
        assert stand.logs.read(job_id) == "the key is ******\n"


class TestPutBack:
    def test_three_times_then_it_fails(self, stand: Bench) -> None:
        job_id = stand.submit(flow(step("a"), step("b")))
        stand.settle()
        for restarts in range(4):
            job = stand.engine.pull(f"w{restarts}", ())
            assert job is not None
            leaf = job.id
            stand.engine.requeue(leaf)
        stand.settle()
        assert stand.engine.pull("w", ()) is None
        seen = stand.seen(job_id)
        assert (seen.outcome, len(seen.children)) == ("failure", 1)
        assert seen.result["error"]["step_id"] == "a"
        assert "worker" in seen.result["error"]["message"]

    def test_what_has_ended_is_not_put_back(self, stand: Bench) -> None:
        job_id = script(stand)
        stand.work()
        stand.engine.requeue(job_id)
        stand.engine.requeue("nobody")
        assert stand.engine.pull("w", ()) is None
        row = job_rows.load(stand.database.read(), job_id)
        assert row is not None
        assert (row.state, row.restarts) == ("completed", 0)

    def test_what_was_canceled_is_not_put_back(self, stand: Bench) -> None:
        job_id = script(stand)
        stand.engine.pull("w", ())
        stand.engine.cancel(job_id, "ada")
        stand.engine.requeue(job_id)
        assert stand.seen(job_id).outcome == "canceled"
