"""Starting jobs in every way, and what becomes of what the request says."""

from __future__ import annotations

import base64
import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.programs import flow, python, script

if TYPE_CHECKING:
    from tests.support.server import RunningServer

ADD = "def main(n=1):\n    return n + 1\n"
ECHO = "def main(**given):\n    return given\n"


def identity(name: str = "a") -> dict[str, Any]:
    return {"id": name, "value": {"type": "identity"}}


def test_a_script_runs_by_path_hash_and_with_a_payload(server: RunningServer, folder: str) -> None:
    hash_ = server.post("/scripts/create", script(f"{folder}/add", ADD))
    payload = base64.b64encode(json.dumps({"n": 4}).encode()).decode()
    assert server.post(f"/jobs/run_wait_result/p/{folder}/add", {"n": 2}) == 3
    assert server.post(f"/jobs/run_wait_result/h/{hash_}", {"n": 3}) == 4
    assert server.get(f"/jobs/run_wait_result/p/{folder}/add", params={"payload": payload}) == 5
    job = server.finished(server.post(f"/jobs/run/h/{hash_}", {"n": 5}))
    assert (job["result"], job["script_hash"], job["job_kind"]) == (6, hash_, "script")
    assert job["raw_code"] == ADD


def test_asking_for_the_head_of_an_answer_starts_nothing(server: RunningServer, folder: str) -> None:
    server.post("/scripts/create", script(f"{folder}/add", ADD))
    answer = server.ask("HEAD", f"/jobs/run_wait_result/p/{folder}/add")
    assert (answer.status_code, answer.content) == (200, b"")
    assert server.get(f"/jobs/list?script_path_exact={folder}/add") == []


def test_a_flow_runs_by_path_and_by_version(server: RunningServer, folder: str) -> None:
    path = f"{folder}/one"
    server.post("/flows/create", flow(path, python("a", ADD, n="flow_input.n")))
    first = server.get(f"/flows/get_latest_version/{path}")["id"]
    server.post(f"/flows/update/{path}", flow(path, python("a", ADD, n=41)))
    assert server.post(f"/jobs/run_wait_result/f/{path}", {"n": 1}) == 42
    assert server.post(f"/jobs/run_wait_result/fv/{first}", {"n": 1}) == 2
    assert server.finished(server.post(f"/jobs/run/fv/{first}", {"n": 2}))["result"] == 3
    assert server.ask("POST", "/jobs/run/fv/999999", json={}).status_code == 404
    assert server.ask("POST", "/jobs/run/fv/nonsense", json={}).status_code == 400


def test_a_chosen_id_makes_one_job(server: RunningServer, folder: str) -> None:
    server.post("/flows/create", flow(f"{folder}/one", identity()))
    job = str(uuid.uuid4())
    assert server.post(f"/jobs/run/f/{folder}/one?job_id={job}", {}) == job
    again = server.ask("POST", f"/jobs/run/f/{folder}/one?job_id={job}", json={})
    assert (again.status_code, again.text) == (400, f"Bad request: Job with id {job} already exists")


def test_a_run_waits_for_its_time(server: RunningServer, folder: str) -> None:
    server.post("/scripts/create", script(f"{folder}/add", ADD))
    later = server.post(f"/jobs/run/p/{folder}/add?scheduled_in_secs=3600", {})
    soon = server.post(f"/jobs/run/p/{folder}/add?scheduled_in_secs=1", {})
    never = server.post(f"/jobs/run/p/{folder}/add?scheduled_for=2100-01-01T00:00:00%2B01:00", {})
    job = server.finished(soon)
    assert job["started_at"] > job["created_at"]
    assert server.get(f"/jobs_u/get/{later}")["running"] is False
    assert server.get(f"/jobs_u/get/{never}")["scheduled_for"].startswith("2099-12-31T23:00:00")
    assert server.ask("POST", f"/jobs_u/queue/cancel/{later}", json={"reason": "enough"}).text == later
    canceled = server.finished(later)
    assert (canceled["canceled"], canceled["canceled_by"], canceled["canceled_reason"]) == (
        True,
        "admin",
        "enough",
    )


def test_a_timeout_of_the_query_ends_the_job(server: RunningServer, folder: str) -> None:
    server.post("/scripts/create", script(f"{folder}/long", "import time\ndef main():\n    time.sleep(60)\n"))
    job = server.finished(server.post(f"/jobs/run/p/{folder}/long?timeout=1", {}))
    assert job["success"] is False
    assert "timeout" in job["result"]["error"]["message"]


def test_more_arguments_come_from_headers_and_query(server: RunningServer, folder: str) -> None:
    server.post("/scripts/create", script(f"{folder}/echo", ECHO))
    found = server.post(
        f"/jobs/run_wait_result/p/{folder}/echo?include_header=X-Event&include_query=ref&ref=main&raw=true",
        {"n": 1},
        headers={"X-Event": "push"},
    )
    assert found == {"n": 1, "x_event": "push", "ref": "main", "raw_string": '{"n": 1}'}
    answer = server.ask("POST", f"/jobs/run_wait_result/p/{folder}/echo", data={"a": "1"})
    assert answer.json() == {"a": "1"}


def test_a_result_shapes_the_answer(server: RunningServer) -> None:
    result = {"windmill_status_code": 207, "windmill_content_type": "text/html", "result": "<b>"}
    content = f"def main():\n    return {result}\n"
    answer = server.ask(
        "POST", "/jobs/run_wait_result/preview", json={"content": content, "language": "python3"}
    )
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (
        207,
        "<b>",
        "text/html; charset=utf-8",
    )


def test_a_preview_of_a_flow_is_not_deployed(server: RunningServer, folder: str) -> None:
    value = {"modules": [python("a", ADD, n="flow_input.n")]}
    body = {"value": value, "args": {"n": 2}, "path": f"{folder}/draft"}
    assert server.post("/jobs/run_wait_result/preview_flow", body) == 3
    assert server.get(f"/flows/exists/{folder}/draft") is False
    broken = {"value": {"modules": [{"id": "a", "value": {"type": "nonsense"}}]}}
    answer = server.ask("POST", "/jobs/run/preview_flow", json=broken)
    assert answer.status_code == 422
    assert "modules[0]" in answer.text


HOOK = """
def preprocessor(event):
    return {"ref": event["body"]["ref"], "kind": event["kind"], "token": str(event).count("tok")}
def main(ref, kind, token):
    return [ref, kind, token]
"""


def test_a_webhook_goes_through_the_scripts_preprocessor(server: RunningServer, folder: str) -> None:
    server.post("/scripts/create", script(f"{folder}/hook", HOOK))
    url = f"{server.url}/api/w/admins/jobs/run_wait_result/p/{folder}/hook"
    assert server.post(f"/jobs/run_wait_result/p/{folder}/hook", {"ref": "main"}) == ["main", "webhook", 0]
    direct = {"ref": "r", "kind": "k", "token": 1}
    assert server.post(f"/jobs/run_wait_result/p/{folder}/hook?skip_preprocessor=true", direct) == [
        "r",
        "k",
        1,
    ]
    import requests

    answer = requests.post(url, params={"token": server.token}, json={"ref": "x"}, timeout=60)
    assert answer.json() == ["x", "webhook", 0]


def test_a_failing_preprocessor_fails_the_job(server: RunningServer, folder: str) -> None:
    server.post("/scripts/create", script(f"{folder}/hook", HOOK))
    job = server.finished(server.post(f"/jobs/run/p/{folder}/hook", {"nothing": 1}))
    assert job["success"] is False
    assert job["result"]["error"]["name"] == "KeyError"


def test_a_webhook_goes_through_the_flows_preprocessor(server: RunningServer, folder: str) -> None:
    path = f"{folder}/hooked"
    before = python("preprocessor", "def preprocessor(event):\n    return {'n': event['body']['number']}\n")
    before["value"]["input_transforms"] = {"event": {"type": "javascript", "expr": "flow_input.event"}}
    value = {"preprocessor_module": before}
    server.post("/flows/create", flow(path, python("a", ADD, n="flow_input.n"), value=value))
    assert server.post(f"/jobs/run_wait_result/f/{path}", {"number": 6}) == 7
    assert server.post(f"/jobs/run_wait_result/f/{path}?skip_preprocessor=true", {"n": 1}) == 2


def test_an_archived_flow_runs_and_a_deleted_one_does_not_by_its_version(
    server: RunningServer, folder: str
) -> None:
    path = f"{folder}/one"
    server.post("/flows/create", flow(path, identity()))
    version = server.ask("GET", f"/flows/get/{path}").json()["version_id"]
    server.post(f"/flows/archive/{path}", {"archived": True})
    assert server.finished(server.post(f"/jobs/run/f/{path}", {}))["success"] is True
    assert server.ask("DELETE", f"/flows/delete/{path}").status_code == 200
    assert server.ask("POST", f"/jobs/run/fv/{version}", json={}).status_code == 404


@pytest.mark.parametrize("name", ["none", "add/deeper"])
def test_a_script_that_is_not_there_does_not_run(server: RunningServer, folder: str, name: str) -> None:
    answer = server.ask("POST", f"/jobs/run/p/{folder}/{name}", json={})
    assert answer.status_code == 404
    assert answer.text.startswith(f"Not found: script not found at name {folder}/{name}")


def test_scripts_import_each_other(server: RunningServer, folder: str) -> None:
    dotted = folder.replace("/", ".")
    server.post("/scripts/create", script(f"{folder}/lib", "def double(n):\n    return 2 * n\n"))
    imports = f"from {dotted}.lib import double\nfrom .lib import double as same\n"
    entry = f"{imports}def main(n):\n    return double(n) + same(n)\n"
    server.post("/scripts/create", script(f"{folder}/entry", entry))
    assert server.post(f"/jobs/run_wait_result/p/{folder}/entry", {"n": 3}) == 12
