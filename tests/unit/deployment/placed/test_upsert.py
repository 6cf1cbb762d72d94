"""From a document to a deployed flow: the order of things, and what is said when one of them fails."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.support.answering import Answering, whoami

from metaflow_windmill.client.models import User
from metaflow_windmill.client.transport import Response
from metaflow_windmill.contract.record import (
    GitInfo,
    PackageInfo,
    Record,
    ScheduleInfo,
    StoreInfo,
)
from metaflow_windmill.deployment.described.names import DeploymentId
from metaflow_windmill.deployment.placed.ownership import TokenWish, record_in
from metaflow_windmill.deployment.placed.prepared import is_prepared, wait_until_ready
from metaflow_windmill.deployment.placed.schedule import Change
from metaflow_windmill.deployment.placed.survey import DeploymentPlan, survey
from metaflow_windmill.deployment.placed.upsert import DeploymentResult, carry_out
from metaflow_windmill.errors import DeployError, NotOurs, Refused

PATH = "f/flows/Hello"
ADMIN = User.from_json(whoami(is_admin=True))
RECORD = Record(
    flow="Hello",
    owner="alice",
    token="",
    package=PackageInfo("/store/ab/abcdef0123456789", "abcdef0123456789", "{}", "hello.py"),
    datastore=StoreInfo("local"),
    metadata=StoreInfo("local"),
)
NIGHTLY = replace(RECORD, schedule=ScheduleInfo("0 0 3 * * *", "Europe/Paris"))
ABSENT = Response(404, b"Not found: absent")
READY = {"job_id": None, "lock_error_logs": None}


def document(record: Record) -> dict[str, Any]:
    value = {"modules": [], "flow_env": {"metaflow": record.to_json()}}
    return {"path": PATH, "summary": "Hello", "description": "", "value": value, "schema": {}, "labels": []}


def there(record: Record = RECORD, **values: Any) -> dict[str, Any]:
    return {**document(record), "version_id": 7, **values}


def schedule(**values: Any) -> dict[str, Any]:
    times = {"schedule": "0 0 3 * * *", "timezone": "Europe/Paris"}
    return {"path": PATH, "script_path": PATH, "is_flow": True, "enabled": True, **times, **values}


def server(**changes: Any) -> Answering:
    """A server that does all that it is asked; `changes` by short names."""
    answers: dict[str, Any] = {
        "get": there(),
        "folder": True,
        "create": Response(201, PATH.encode()),
        "update": Response(200, PATH.encode()),
        "archive": "archived",
        "ready": READY,
        "preview": "soon",
        "schedule": ABSENT,
        "new_schedule": PATH,
        "change_schedule": PATH,
        "end_schedule": "deleted",
        **changes,
    }
    requests = {
        "get": f"GET /flows/get/{PATH}",
        "folder": "GET /folders/exists/flows",
        "create": "POST /flows/create",
        "update": f"POST /flows/update/{PATH}",
        "archive": f"POST /flows/archive/{PATH}",
        "ready": f"GET /flows/deployment_status/p/{PATH}",
        "preview": "POST /schedules/preview",
        "schedule": f"GET /schedules/get/{PATH}",
        "new_schedule": "POST /schedules/create",
        "change_schedule": f"POST /schedules/update/{PATH}",
        "end_schedule": f"DELETE /schedules/delete/{PATH}",
    }
    return Answering({requests[name]: answer for name, answer in answers.items()})


def look(transport: Answering, user: User = ADMIN, owner: str = "alice") -> DeploymentPlan:
    return survey(
        transport.windmill, PATH, DeploymentId("Hello"), owner=owner, user=user, wish=TokenWish(given="tok")
    )


def deploy(transport: Answering, record: Record = RECORD, existing: Any = None) -> DeploymentResult:
    from metaflow_windmill.client.models import Flow

    flow = None if existing is None else Flow.from_json(existing)
    return carry_out(DeploymentPlan(transport.windmill, PATH, flow, "tok", ADMIN), document(record))


def body(transport: Answering, line: str) -> Any:
    (request,) = (asked for asked, said in zip(transport.asked, transport.lines, strict=True) if said == line)
    return request.body


def test_a_look_changes_nothing() -> None:
    transport = server(get=ABSENT)
    found = look(transport)
    assert (found.path, found.existing, found.token, found.user) == (PATH, None, "tok", ADMIN)
    assert all(line.startswith("GET ") for line in transport.lines)


def test_a_look_finds_what_is_in_the_way() -> None:
    with pytest.raises(NotOurs, match="Metaflow did not deploy"):
        look(server(get=there(value={"modules": []})))
    with pytest.raises(NotOurs, match="Hello was deployed by alice; to deploy a new version of it"):
        look(server(), owner="bob")
    with pytest.raises(DeployError, match="may not write to the folder"):
        look(server(), user=User.from_json(whoami()))


def test_a_new_flow() -> None:
    transport = server()
    done = deploy(transport)
    assert (done.created, done.version, done.schedule, done.record.token) == (True, 7, Change.NONE, "tok")
    sent = record_in(body(transport, "POST /flows/create")["value"])
    assert sent == replace(RECORD, token="tok")
    assert transport.lines[:3] == [
        "GET /folders/exists/flows",
        "POST /flows/create",
        f"GET /flows/deployment_status/p/{PATH}",
    ]


def test_of_two_who_deploy_at_once_the_later_one_is_told() -> None:
    taken = Response(400, f"Bad request: Flow {PATH} already exists".encode())
    with pytest.raises(DeployError, match="deployed a flow to f/flows/Hello in this very moment"):
        deploy(server(create=taken))


def test_a_new_version() -> None:
    transport = server()
    record = replace(RECORD, git=GitInfo("https://example.com/flows", "0123456789abcdef", "hello.py"))
    assert not deploy(transport, record, there()).created
    sent = body(transport, f"POST /flows/update/{PATH}")
    assert sent["deployment_message"] == "package abcdef012345 by alice, commit 0123456789ab"
    assert f"POST /flows/archive/{PATH}" not in transport.lines


def test_an_archived_flow_is_brought_back() -> None:
    transport = server()
    deploy(transport, RECORD, there(archived=True))
    assert body(transport, f"POST /flows/archive/{PATH}") == {"archived": False}


def test_a_schedule_that_windmill_cannot_read_stops_all() -> None:
    transport = server(preview=Response(400, b"Bad request: failed to parse timezone"))
    with pytest.raises(Refused, match="failed to parse timezone"):
        deploy(transport, NIGHTLY)
    assert transport.lines == ["POST /schedules/preview"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_of_few_rights_makes_a_schedule_that_it_may_not_have_read(status: int) -> None:
    transport = server(preview=Response(status, b"Not authorized"))
    assert deploy(transport, NIGHTLY).schedule is Change.CREATED


@pytest.mark.parametrize(
    ("record", "found", "change", "lines"),
    [
        (RECORD, ABSENT, Change.NONE, []),
        (RECORD, schedule(), Change.REMOVED, [f"DELETE /schedules/delete/{PATH}"]),
        (NIGHTLY, [ABSENT, schedule()], Change.CREATED, ["POST /schedules/create"]),
        (NIGHTLY, schedule(), Change.KEPT, []),
        (NIGHTLY, schedule(timezone="Etc/UTC"), Change.CHANGED, [f"POST /schedules/update/{PATH}"]),
    ],
)
def test_the_schedule_follows(record: Record, found: Any, change: Change, lines: list[str]) -> None:
    transport = server(schedule=found)
    assert deploy(transport, record).schedule is change
    changes = [line for line in transport.lines if "schedules" in line and not line.startswith("GET")]
    assert [line for line in changes if not line.endswith("preview")] == lines


def test_the_whole_of_a_schedule() -> None:
    transport = server(schedule=[ABSENT, schedule()])
    deploy(transport, NIGHTLY)
    assert body(transport, "POST /schedules/create") == {
        "path": PATH,
        "script_path": PATH,
        "is_flow": True,
        "schedule": "0 0 3 * * *",
        "timezone": "Europe/Paris",
        "cron_version": "v2",
        "args": {},
        "enabled": True,
    }


def test_a_suspended_schedule_is_told() -> None:
    assert deploy(server(schedule=schedule(enabled=False)), NIGHTLY).suspended


def test_a_schedule_that_fails_is_told_with_what_was_done() -> None:
    transport = server(new_schedule=Response(403, b"Permission denied: no schedules"))
    with pytest.raises(DeployError) as caught:
        deploy(transport, NIGHTLY)
    said = str(caught.value)
    assert said.startswith(f"the flow at {PATH} is deployed, but its schedule was not brought up to")
    assert said.endswith("Try again to finish the work")


def test_a_document_of_somebody_else() -> None:
    with pytest.raises(DeployError, match="has no deployment record"):
        carry_out(DeploymentPlan(server().windmill, PATH, None, "tok", ADMIN), {"value": {}})


def outcome(*, completed: bool, success: bool = True) -> Response:
    return Response(200, json.dumps({"completed": completed, "success": completed and success}).encode())


class Clock:
    """Time that passes by sleeping only."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def waiting(*outcomes: bool, errors: str = "") -> Answering:
    status = {"job_id": "job", "lock_error_logs": None}
    return Answering(
        {
            f"GET /flows/deployment_status/p/{PATH}": [status, {**status, "lock_error_logs": errors}],
            "GET /jobs_u/completed/get_result_maybe/job": [outcome(completed=one) for one in outcomes],
        }
    )


def wait(transport: Answering) -> Clock:
    clock = Clock()
    wait_until_ready(transport.windmill, PATH, sleep=clock.sleep, clock=clock, seconds=60)
    return clock


def test_waits_until_windmill_has_prepared_the_version() -> None:
    transport = waiting(False, False, False, True)
    assert wait(transport).now == pytest.approx(0.05 + 0.075 + 0.1125)


def test_a_preparation_that_fails_without_a_word() -> None:
    transport = Answering(
        {
            f"GET /flows/deployment_status/p/{PATH}": {"job_id": "job", "lock_error_logs": None},
            "GET /jobs_u/completed/get_result_maybe/job": outcome(completed=True, success=False),
        }
    )
    with pytest.raises(DeployError, match=r"could not resolve the dependencies"):
        wait(transport)


def test_errors_of_dependencies_are_shown() -> None:
    with pytest.raises(DeployError) as caught:
        wait(waiting(True, errors="...\nno such package: nonsense\n"))
    assert str(caught.value).startswith(f"Windmill could not resolve the dependencies of the flow at {PATH}")
    assert str(caught.value).endswith("no such package: nonsense")


def test_waits_no_longer_than_it_makes_sense() -> None:
    with pytest.raises(DeployError, match=r"has not prepared it in time \(job job\)"):
        wait(waiting(*[False] * 100))


@pytest.mark.parametrize(("running", "begun"), [(False, False), (True, True)])
def test_a_job_does_not_wait_for_a_worker_that_its_like_have(*, running: bool, begun: bool) -> None:
    transport, clock = waiting(*[False] * 16, True), Clock()
    transport.answers["GET /jobs_u/get/job"] = {"id": "job", "type": "QueuedJob", "running": running}
    ready = wait_until_ready(
        transport.windmill, PATH, sleep=clock.sleep, clock=clock, seconds=60, for_a_worker=5
    )
    assert (ready, clock.now > 10) == (begun, begun)


@pytest.mark.parametrize(
    ("status", "job", "prepared"),
    [
        (READY, None, True),
        ({"job_id": "j", "lock_error_logs": ""}, {"completed": True, "success": True}, True),
        ({"job_id": "j", "lock_error_logs": None}, {"completed": True, "success": False}, False),
        ({"job_id": "j", "lock_error_logs": None}, {"completed": False}, True),
        ({"job_id": "j", "lock_error_logs": "no such package"}, None, False),
    ],
    ids=["without a job", "done", "canceled", "at work, or forgotten", "said why not"],
)
def test_a_version_whose_dependency_job_failed_is_not_deployed(
    status: Any, job: Any, *, prepared: bool
) -> None:
    transport = server(ready=status)
    transport.answers["GET /jobs_u/completed/get_result_maybe/j"] = job
    assert is_prepared(transport.windmill, PATH) is prepared
