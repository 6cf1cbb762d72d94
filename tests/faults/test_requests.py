"""Requests that nobody should send: without a token, broken, huge, given up, by the thousand."""

from __future__ import annotations

import json
import re
import socket
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests
from tests.support.server import running_server, wait_until

from metaflow_windmill.devserver.api.app import ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.server import RunningServer

    from metaflow_windmill.devserver.api.routing import Endpoint

ID = "0c0ffee0-0000-4000-8000-000000000000"
FILLED = {
    "workspace": "admins",
    "id": ID,
    "path:path": "f/faults/x",
    "file:path": "f/faults/x.py",
    "hash": "0" * 16,
}
PAGES = ("/", "/flows/get/f/faults/x", f"/run/{ID}", f"/run/{ID}/events")


def asked(endpoint: Endpoint) -> list[tuple[str, str]]:
    path = re.sub(r"\{([\w:]+)\}", lambda found: FILLED.get(found[1], "1"), endpoint.path)
    return [(method, path) for method in endpoint.methods.split()]


NEWER = re.compile(r"/jobs/(queue/run_now|worker_is_draining)/")
"""Routes that this server opens only as one of a later release; to all others they are not there."""
WAITS_FOR_NOBODY = re.compile(r"/jobs(_u)?/flow/resume(_suspended)?/")
"""Routes that a real server, too, answers with 500 for a job that does not wait for people."""

CLOSED = [
    request
    for endpoint in ENDPOINTS
    if not (endpoint.public or NEWER.search(endpoint.path))
    for request in asked(endpoint)
]
INSIDE = [(method, path) for method, path in CLOSED if path.startswith("/api/w/")]
POSTED = [path for method, path in CLOSED if method == "POST"]


def broken(told: dict[str, int]) -> dict[str, int]:
    """Return the answers that say that the server is at fault."""
    return {
        path: status
        for path, status in told.items()
        if status >= 500 and not (status == 500 and WAITS_FOR_NOBODY.search(path))
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("faults"), workers=1) as running:
        running.post("/folders/create", {"name": "faults"})
        yield running


@pytest.fixture(scope="module")
def other_token(server: RunningServer) -> str:
    server.post("/api/workspaces/create", {"id": "other", "name": "Other"})
    made = server.post("/api/users/tokens/create", {"label": "other", "workspace_id": "other"})
    return str(made)


def test_the_table_of_routes_is_all_there_is() -> None:
    assert len(CLOSED) > 90
    assert {endpoint.path for endpoint in ENDPOINTS if endpoint.public} == {
        "/api/version",
        "/api/uptodate",
        "/api/r/{route:path}",
    }


@pytest.mark.parametrize("token", [None, "nonsense", "job_e30.00"])
def test_no_route_answers_without_a_token(server: RunningServer, token: str | None) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with requests.Session() as session:
        answers = {
            request: session.request(request[0], server.url + request[1], headers=headers, timeout=30)
            for request in CLOSED
        }
    assert {
        request: answer.status_code for request, answer in answers.items() if answer.status_code != 401
    } == {}
    assert {answer.text for answer in answers.values()} == {"Not authorized: Unauthorized"}


def test_no_route_answers_a_token_of_another_workspace(server: RunningServer, other_token: str) -> None:
    headers = {"Authorization": f"Bearer {other_token}"}
    with requests.Session() as session:
        told = {
            request: session.request(
                request[0], server.url + request[1], headers=headers, timeout=30
            ).status_code
            for request in INSIDE
        }
    assert {request: status for request, status in told.items() if status != 401} == {}
    assert server.ask("GET", "/api/w/other/users/whoami", token=other_token).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_no_page_is_shown_without_a_token(server: RunningServer, path: str, other_token: str) -> None:
    for headers in ({}, {"Authorization": f"Bearer {other_token}"}):
        answer = requests.get(server.url + path, headers=headers, timeout=30, allow_redirects=False)
        assert answer.status_code in (401, 404), path
        assert "f/faults" not in answer.text
    assert 'name="token"' in requests.get(server.url + path, timeout=30).text


@pytest.mark.parametrize(
    "body", [b"{not json", b"[1]", b"{}", b'"x"', b"\xff\xfe", b"[" * 5000, b"null", b""]
)
def test_a_broken_body_never_breaks_the_server(server: RunningServer, body: bytes) -> None:
    told = {}
    for path in POSTED:
        if "run_wait_result" not in path:
            headers = {"Content-Type": "application/json"}
            told[path] = server.ask("POST", path, data=body, headers=headers).status_code
    assert broken(told) == {}
    assert told["/api/w/admins/flows/create"] in (400, 422)


WRONG_VALUES = [None, True, 1, "x", [], [1], {}, {"a": 1}]


@pytest.mark.parametrize("value", WRONG_VALUES, ids=str)
def test_fields_of_the_wrong_type_never_break_the_server(server: RunningServer, value: Any) -> None:
    names = (
        *("path", "name", "summary", "value", "schema", "labels", "content", "language", "args", "is_secret"),
        *("resource_type", "schedule", "timezone", "script_path", "is_flow", "enabled", "route_path", "tag"),
        *("http_method", "request_type", "authentication_method", "mode", "reason", "scopes", "expiration"),
        *("workspace_id", "id", "archived", "owner", "owners", "extra_perms", "lock", "envs", "parent_hash"),
        *("description", "paused_until", "timeout", "label", "display_name", "deployment_message"),
    )
    told = {}
    for path in POSTED:
        if "run_wait_result" not in path:
            answer = server.ask("POST", path, json=dict.fromkeys(names, value))
            told[path] = answer.status_code
    assert broken(told) == {}


@pytest.mark.parametrize(
    "query",
    [
        *("job_id=x", "scheduled_for=soon", "scheduled_in_secs=x", "timeout=x", "parent_job=x", "raw=x"),
        *("skip_preprocessor=1",),
    ],
)
def test_a_broken_query_is_refused(server: RunningServer, query: str) -> None:
    server.ask("POST", "/flows/create", json={"path": "f/faults/f", "summary": "", "value": {"modules": []}})
    answer = server.ask("POST", f"/jobs/run/f/f/faults/f?{query}", json={})
    if query.startswith("skip_preprocessor"):  # nobody looks at it where there is no preprocessor
        assert answer.status_code == 201
        return
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.text


def test_an_argument_of_fifty_megabytes_arrives(server: RunningServer) -> None:
    script = {"content": "def main(text):\n    return len(text)\n", "language": "python3"}
    size = 50 * 1024 * 1024
    body = json.dumps({**script, "args": {"text": "x" * size}}).encode()
    headers = {"Content-Type": "application/json"}
    assert server.ask("POST", "/jobs/run_wait_result/preview", data=body, headers=headers).json() == size


def test_a_body_beyond_the_limit_is_refused(server: RunningServer) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(201):
            yield b" " * 1024 * 1024

    try:
        answer = server.ask("POST", "/flows/create", data=endless())
    except requests.ConnectionError:
        return  # the server closed the connection while the rest was still being sent
    assert answer.status_code == 413


SLEEPS = {"content": "import time\ndef main():\n    time.sleep(120)\n", "language": "python3"}


def send(server: RunningServer, path: str, body: bytes, promised: int | None = None) -> socket.socket:
    """Send a request by hand, so that the connection can be cut."""
    where = urlsplit(server.url)
    connection = socket.create_connection((where.hostname or "", where.port or 0), timeout=30)
    head = (
        f"POST /api/w/admins{path} HTTP/1.1\r\nHost: {where.netloc}\r\n"
        f"Authorization: Bearer {server.token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {promised or len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    return connection


def test_a_caller_that_hangs_up_cancels_what_it_waited_for(server: RunningServer) -> None:
    connection = send(server, "/jobs/run_wait_result/preview?job_id=" + ID, json.dumps(SLEEPS).encode())
    path = f"/jobs_u/completed/get_result_maybe/{ID}?get_started=true"
    wait_until(lambda: server.get(path)["started"], 30, "the job did not start")
    connection.close()
    job = server.finished(ID, within=30)
    assert job["canceled"] is True
    assert job["canceled_reason"] == "http connection broke"


def test_a_caller_that_hangs_up_in_the_middle_of_a_body_harms_nobody(server: RunningServer) -> None:
    for _ in range(20):
        send(server, "/flows/create", b'{"path": "f/faults/half', promised=10_000).close()
    assert server.get("/api/version").startswith("CE v")
    assert "failed" not in server.output.read_text()


@pytest.mark.slow
def test_a_thousand_queued_runs_do_not_slow_the_server(server: RunningServer) -> None:
    busy = server.post("/jobs/run/preview", SLEEPS)
    script = {
        "path": "f/faults/quick",
        "content": "def main(): pass",
        "language": "python3",
        "lock": "# py: 3.11\n",
    }
    server.post("/scripts/create", {**script, "summary": ""})
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {server.token}"
        run = f"{server.url}/api/w/admins/jobs/run/p/f/faults/quick"
        jobs = [session.post(run, json={}, timeout=30).text for _ in range(1000)]
        assert len(set(jobs)) == 1000
        began = time.monotonic()
        waiting = server.get("/jobs/queue/list?script_path_exact=f/faults/quick&per_page=2000")
        assert {job["id"] for job in waiting} == set(jobs)
        assert server.get("/jobs/queue/count")["database_length"] >= 1000
        assert server.get(f"/jobs_u/completed/get_result_maybe/{jobs[-1]}")["completed"] is False
        assert time.monotonic() - began < 5
        for job in (*jobs[1:], busy):
            cancel = f"{server.url}/api/w/admins/jobs_u/queue/cancel/{job}"
            assert session.post(cancel, json={}, timeout=30).status_code == 200
    assert server.finished(jobs[0])["success"] is True
    assert server.get("/jobs/queue/list?script_path_exact=f/faults/quick") == []
