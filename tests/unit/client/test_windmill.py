"""The calls: what each one asks, and what it makes of the answers that a real server was seen to give."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import pytest

from metaflow_windmill.client.models import Job, JobOutcome, JobState, Schedule, User, moment
from metaflow_windmill.client.retrying import Retrying
from metaflow_windmill.client.transport import Request, Response
from metaflow_windmill.client.windmill import Windmill
from metaflow_windmill.errors import Conflict, NotFound, Unreachable

RUN = "00000000-0000-4000-8000-000000000001"


@dataclass
class Recorded:
    """A transport that keeps what it is asked and gives the answers of a list."""

    answers: list[Any]
    asked: list[Request] = field(default_factory=list)

    def send(self, request: Request) -> Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Response) else Response(200, json.dumps(answer).encode())


def workspace(*answers: Any) -> tuple[Windmill, Recorded]:
    transport = Recorded(list(answers))
    return Windmill(Retrying(transport, sleep=lambda _: None), "my-team"), transport


def test_flows_are_addressed_by_workspace_and_path() -> None:
    windmill, transport = workspace(True, {"path": "f/a/b-c/D", "labels": ["metaflow"], "version_id": 7})
    assert windmill.flow_exists("f/a/b-c/D")
    flow = windmill.get_flow("f/a/b-c/D")
    assert (flow.labels, flow.version, flow.archived) == (("metaflow",), 7, False)
    assert [str(request) for request in transport.asked] == [
        "GET /api/w/my-team/flows/exists/f/a/b-c/D",
        "GET /api/w/my-team/flows/get/f/a/b-c/D",
    ]


def test_a_flow_that_is_not_there() -> None:
    absent = Response(404, b"Not found: Flow not found at path f/x/y")
    windmill, _ = workspace(absent, absent)
    assert windmill.find_flow("f/x/y") is None
    with pytest.raises(NotFound):
        windmill.get_flow("f/x/y")


def test_lists_are_read_page_by_page() -> None:
    page = [{"path": f"f/x/{n}"} for n in range(1000)]
    windmill, transport = workspace(page, [{"path": "f/x/last"}])
    assert len(list(windmill.list_flows(label="metaflow"))) == 1001
    assert [dict(request.query) for request in transport.asked] == [
        {"label": "metaflow", "per_page": "1000", "page": "1"},
        {"label": "metaflow", "per_page": "1000", "page": "2"},
    ]


FLOW = {"path": "f/x/y", "version_id": 38}
STARTED = Response(201, RUN.encode())
ABSENT = Response(404, b"Not found: nothing")


def asked(transport: Recorded) -> list[str]:
    return [str(request).removeprefix("/api") for request in transport.asked]


def test_the_newest_version_is_started_under_the_id_that_the_caller_chose() -> None:
    windmill, transport = workspace(FLOW, STARTED)
    assert windmill.run_flow("f/x/y", {"alpha": 1}, RUN) == RUN
    assert asked(transport) == [
        "GET /api/w/my-team/flows/get/f/x/y",
        "POST /api/w/my-team/jobs/run/fv/38",
    ]
    assert transport.asked[1].query == {"job_id": RUN, "skip_preprocessor": "true"}
    assert transport.asked[1].body == {"alpha": 1}


@pytest.mark.parametrize(
    ("answers", "last"),
    [
        ([FLOW, ABSENT, STARTED], "a server before 1.576, which starts by path only"),
        ([{"path": "f/x/y"}, STARTED], "a server that tells no version"),
        ([Response(403, b"Permission denied"), STARTED], "a token that may run flows and not read them"),
    ],
)
def test_a_run_is_started_by_path_where_it_cannot_be_by_version(answers: list[Any], last: str) -> None:
    windmill, transport = workspace(*answers)
    assert windmill.run_flow("f/x/y", {"alpha": 1}, RUN) == RUN
    assert asked(transport)[-1] == "POST /api/w/my-team/jobs/run/f/f/x/y", last
    assert transport.asked[-1].query == {"job_id": RUN, "skip_preprocessor": "true"}


def test_a_flow_that_is_gone_is_not_found() -> None:
    windmill, _ = workspace(ABSENT)
    with pytest.raises(NotFound):
        windmill.run_flow("f/x/y", {}, RUN)


def test_the_newest_version_of_a_script_is_started_by_its_hash() -> None:
    windmill, transport = workspace({"hash": "a1b2"}, STARTED)
    assert windmill.run_script("f/x/y", {}, RUN, {"tag": "gpu"}) == RUN
    assert asked(transport)[-1] == "POST /api/w/my-team/jobs/run/h/a1b2"
    assert transport.asked[-1].query == {"job_id": RUN, "skip_preprocessor": "true", "tag": "gpu"}


TAKEN = Response(400, f"Bad request: Job with id {RUN} already exists".encode())


def test_a_run_asked_for_twice_is_one_run() -> None:
    windmill, transport = workspace(FLOW, Unreachable("the answer was lost"), TAKEN)
    assert windmill.run_flow("f/x/y", {}, RUN) == RUN
    assert len(transport.asked) == 3


def test_a_run_id_of_somebody_else_is_a_conflict() -> None:
    windmill, _ = workspace(FLOW, TAKEN)
    with pytest.raises(Conflict):
        windmill.run_flow("f/x/y", {}, RUN)


@pytest.mark.parametrize("pages", [True, False], ids=["pages", "no pages, as with 1.788"])
def test_the_whole_history_is_read(pages: bool) -> None:
    versions = [{"id": number} for number in range(250, 0, -1)]
    parts = [versions[:100], versions[100:200], versions[200:]] if pages else [versions, versions]
    windmill, transport = workspace(*parts)
    assert [version.id for version in windmill.flow_history("f/x/y")] == list(range(250, 0, -1))
    assert [request.query["page"] for request in transport.asked] == ["1", "2", "3"][: len(parts)]


def test_filters_of_job_lists() -> None:
    windmill, transport = workspace([], [])
    windmill.list_jobs(script_path_exact="f/x/y", success=True, running=None, per_page=5)
    windmill.list_queued_jobs(parent_job=RUN)
    assert dict(transport.asked[0].query) == {
        "script_path_exact": "f/x/y",
        "success": "true",
        "per_page": "5",
    }
    assert transport.asked[1].path == "/w/my-team/jobs/queue/list"


def test_runs_of_which_a_schedule_made_the_next_one_early() -> None:
    def run(job: str, created: str, began: str) -> dict[str, str]:
        return {"id": job, "created_at": f"2026-01-0{created}:00Z", "started_at": f"2026-01-0{began}:00Z"}

    by_hand, scheduled = run("by-hand", "1T12:00", "1T12:00"), run("scheduled", "1T03:00", "2T03:00")
    windmill, transport = workspace([by_hand, scheduled, run("first", "1T01:00", "1T02:00")])
    assert [job.id for job in windmill.list_runs("f/x/y")] == ["scheduled", "by-hand", "first"]
    assert transport.asked[0].query["scheduled_for_before_now"] == "true"


def test_a_schedule_that_is_not_there() -> None:
    absent = Response(404, b"Not found: Schedule f/x/y not found")
    windmill, _ = workspace(absent, absent)
    assert windmill.schedules.find("f/x/y") is None
    windmill.schedules.delete("f/x/y")


def test_models() -> None:
    windmill, _ = workspace(
        {
            "path": "f/x/y",
            "schedule": "0 0 10 * * ?",
            "timezone": "Europe/Paris",
            "enabled": True,
            "script_path": "f/x/y",
            "is_flow": True,
            "args": None,
        },
        {"started": None, "success": None, "completed": False, "result": None},
    )
    assert windmill.schedules.find("f/x/y") == Schedule(
        "f/x/y", "0 0 10 * * ?", "Europe/Paris", True, "f/x/y"
    )
    assert windmill.outcome(RUN) == JobOutcome(False, False)


@pytest.mark.parametrize(
    ("data", "state"),
    [
        ({"type": "QueuedJob", "running": False}, JobState.PENDING),
        ({"type": "QueuedJob", "running": True}, JobState.RUNNING),
        ({"type": "CompletedJob", "success": True}, JobState.SUCCEEDED),
        ({"type": "CompletedJob", "success": False}, JobState.FAILED),
        ({"type": "CompletedJob", "success": False, "canceled": True}, JobState.CANCELED),
    ],
)
def test_job_states(data: dict[str, Any], state: JobState) -> None:
    job = Job.from_json({"id": RUN, **data})
    assert job.state is state
    assert job.state.final is (data["type"] == "CompletedJob")


def test_a_job_knows_its_end_by_its_duration() -> None:
    job = Job.from_json(
        {
            "id": RUN,
            "type": "CompletedJob",
            "success": True,
            "started_at": "2026-01-02T03:04:05.123456789Z",
            "duration_ms": 1500,
        }
    )
    assert job.started_at == datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=timezone.utc)
    assert job.seconds == 1.5
    assert Job.from_json({"id": RUN, "type": "QueuedJob"}).seconds is None


def test_times() -> None:
    assert moment("2026-01-02T03:04:05Z") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    assert moment("2026-01-02T05:04:05.5+02:00") == datetime(2026, 1, 2, 3, 4, 5, 500000, tzinfo=timezone.utc)
    assert moment(None) is None


@pytest.mark.parametrize(
    ("user", "folder", "may"),
    [
        (User("a", "a@x", is_admin=True), "flows", True),
        (User("a", "a@x", folders=("flows",)), "flows", True),
        (User("a", "a@x", folders=("flows",)), "other", False),
        (User("a", "a@x", folders=("flows",), operator=True), "flows", False),
    ],
)
def test_who_may_write(user: User, folder: str, may: bool) -> None:
    assert user.may_write(folder) is may


def test_tags_that_no_worker_has() -> None:
    windmill, transport = workspace({"gpu": True, "tpu": False}, Response(404, b"no such route"))
    assert windmill.unserved_tags(["tpu", "gpu", "tpu"]) == ("tpu",)
    assert str(transport.asked[0]) == "GET /api/workers/exists_workers_with_tags"
    assert transport.asked[0].query == {"tags": "gpu,tpu", "workspace": "my-team"}
    assert windmill.unserved_tags(["tpu"]) == ()
