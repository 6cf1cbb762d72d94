"""Why a run failed, wherever the error stands: in the result, in lists in it, or in the jobs of its parts."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.answering import Answering

from metaflow_windmill.client.models import Job, JobState
from metaflow_windmill.runs.reasons import UNKNOWN, Reason, reason_in, reason_of

BAD = {"error": {"name": "ValueError", "message": "no\n", "step_id": "work"}}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (
            {"error": {"name": "E", "message": "m", "step_id": "hook", "extra": {"failed_step": "work"}}},
            Reason("E: m", "work"),
        ),
        (BAD, Reason("ValueError: no", "work")),
        ({"error": {"message": "killed"}}, Reason("killed")),
        ({"error": "Error during the evaluation"}, Reason("Error during the evaluation")),
        ([{"x": 1}, BAD], Reason("ValueError: no", "work")),
        ([[{"x": 1}, None], [{"x": 1}, [7, BAD]]], Reason("ValueError: no", "work")),
        ([{"error": None}, {"error": {}}, BAD], Reason("ValueError: no", "work")),
        (None, None),
        ("text", None),
        ([[]], None),
    ],
)
def test_the_error_in_a_result(result: Any, expected: Reason | None) -> None:
    assert reason_in(result) == expected


def job(name: str, result: Any = None, *modules: dict[str, Any]) -> dict[str, Any]:
    status = {"modules": list(modules)} if modules else None
    return {"id": name, "type": "CompletedJob", "success": False, "result": result, "flow_status": status}


def test_the_error_in_the_jobs_of_the_parts_that_failed() -> None:
    loop = {
        "id": "lanes",
        "type": "Failure",
        "job": "lane-1",
        "flow_jobs": ["lane-0", "lane-1"],
        "flow_jobs_success": [True, False],
    }
    jobs = [
        job("run", None, {"id": "start", "type": "Success", "job": "start"}, loop),
        job("lane-1", None, {"id": "turns", "type": "Failure", "job": "turn-3", "flow_jobs": ["turn-3"]}),
        job("turn-3", [], {"id": "join", "type": "Failure", "job": "join"}),
        job("join", {"error": {"name": "KeyError", "message": "'x'"}}),
    ]
    asked = Answering({f"GET /jobs_u/get/{item['id']}": item for item in jobs[1:]})
    assert reason_of(asked.windmill, Job.from_json(jobs[0])) == Reason("KeyError: 'x'", "join")
    assert [line.rpartition("/")[2] for line in asked.lines] == ["lane-1", "turn-3", "join"]


def test_nothing_is_told_at_all() -> None:
    gone = job("run", None, {"id": "work", "type": "Failure", "job": "gone"})
    assert reason_of(Answering({}).windmill, Job.from_json(gone)) == Reason(UNKNOWN)
    assert reason_of(Answering({}).windmill, Job("run", JobState.FAILED, "")) == Reason(UNKNOWN)
