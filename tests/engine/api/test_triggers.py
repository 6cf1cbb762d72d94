"""HTTP triggers and schedules, as the outside world meets them."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import pytest
import requests
from tests.support.programs import flow, python, script
from tests.support.server import wait_until

if TYPE_CHECKING:
    from tests.support.server import RunningServer

HOOK = """
def preprocessor(event):
    return {"event": event}
def main(event):
    return {**event, "headers": sorted(event["headers"])}
"""
ECHO = "def main(**given):\n    return given\n"


def trigger(server: RunningServer, folder: str, **more: Any) -> str:
    """Make a trigger and return the address it opens."""
    asked = {
        "path": f"{folder}/trigger",
        "script_path": f"{folder}/hook",
        "is_flow": False,
        "route_path": f"{folder}/push",
        "http_method": "post",
        "request_type": "async",
        "authentication_method": "none",
        "is_static_website": False,
        "workspaced_route": True,
        "wrap_body": False,
        "raw_string": True,
        **more,
    }
    server.post("/http_triggers/create", asked)
    return f"{server.url}/api/r/admins/{asked['route_path']}"


@pytest.fixture
def hook(server: RunningServer, folder: str) -> str:
    server.post("/scripts/create", script(f"{folder}/hook", HOOK))
    server.post("/scripts/create", script(f"{folder}/echo", ECHO))
    return folder


def test_githubs_push_starts_a_run_only_when_signed(server: RunningServer, hook: str) -> None:
    server.post("/variables/create", {"path": f"{hook}/key", "value": "the-secret", "is_secret": True})
    value = {"signature_provider": "Github", "secret_key": f"$var:{hook}/key"}
    server.post(
        "/resources/create", {"path": f"{hook}/auth", "value": value, "resource_type": "signature_auth"}
    )
    url = trigger(
        server, hook, authentication_method="signature", authentication_resource_path=f"{hook}/auth"
    )
    body = b'{"ref":  "refs/heads/main"}'  # two blanks: what is signed is the bytes
    sign = "sha256=" + hmac.new(b"the-secret", body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Hub-Signature-256": sign, "X-GitHub-Event": "push"}
    started = requests.post(url, data=body, headers=headers, timeout=60)
    assert started.status_code == 201
    job = server.finished(started.text)
    result = job["result"]
    assert (result["kind"], result["method"], result["raw_string"]) == ("http", "post", body.decode())
    assert result["body"] == {"ref": "refs/heads/main"}
    assert {"x-github-event", "x-hub-signature-256"} <= set(result["headers"])
    assert job["created_by"] == f"HTTP-{hook}/trigger"
    for wrong in ({**headers, "X-Hub-Signature-256": sign[:-1] + "x"}, {"Content-Type": "application/json"}):
        refused = requests.post(url, data=body, headers=wrong, timeout=60)
        assert refused.status_code == 401
    changed = requests.post(url, data=body + b" ", headers=headers, timeout=60)
    assert changed.status_code == 401
    assert len(server.get(f"/jobs/list?script_path_exact={hook}/hook")) == 1


def test_a_route_with_parameters_answers_at_once_where_it_is_told_to(
    server: RunningServer, hook: str
) -> None:
    route = f"{hook}/items/:name"
    trigger(server, hook, request_type="sync", http_method="get", route_path=route)
    answer = requests.get(f"{server.url}/api/r/admins/{hook}/items/seven?q=1", timeout=60)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["params"], told["query"], told["trigger_path"]) == (
        {"name": "seven"},
        {"q": "1"},
        f"{hook}/trigger",
    )


def test_a_trigger_without_a_preprocessor_gives_plain_arguments(server: RunningServer, hook: str) -> None:
    options = {"script_path": f"{hook}/echo", "request_type": "sync"}
    url = trigger(server, hook, **options, raw_string=False)
    assert requests.post(url, json={"n": 1}, timeout=60).json() == {"n": 1}
    server.post(f"/http_triggers/update/{hook}/trigger", {"wrap_body": True})
    assert requests.post(url, json={"n": 1}, timeout=60).json() == {"body": {"n": 1}}


def test_a_flow_is_triggered_with_its_preprocessor(server: RunningServer, hook: str) -> None:
    before = python("preprocessor", "def preprocessor(event):\n    return {'n': event['body']['n'] + 1}\n")
    before["value"]["input_transforms"] = {"event": {"type": "javascript", "expr": "flow_input.event"}}
    step = python("a", "def main(n):\n    return n\n", n="flow_input.n")
    server.post("/flows/create", flow(f"{hook}/flow", step, value={"preprocessor_module": before}))
    url = trigger(server, hook, script_path=f"{hook}/flow", is_flow=True, request_type="sync")
    assert requests.post(url, json={"n": 1}, timeout=60).json() == 2


def test_windmills_own_tokens_and_keys_open_a_trigger(server: RunningServer, hook: str) -> None:
    url = trigger(server, hook, authentication_method="windmill")
    assert requests.post(url, json={}, timeout=60).status_code == 401
    assert requests.post(url, json={}, params={"token": server.token}, timeout=60).status_code == 201
    narrow = server.post("/api/users/tokens/create", {"scopes": ["flows:read"], "workspace_id": "admins"})
    assert requests.post(url, json={}, params={"token": narrow}, timeout=60).status_code == 403
    value = {"api_key_header": "X-Key", "api_key_secret": "k"}
    server.post(
        "/resources/create", {"path": f"{hook}/auth", "value": value, "resource_type": "api_key_auth"}
    )
    change = {"authentication_method": "api_key", "authentication_resource_path": f"{hook}/auth"}
    server.post(f"/http_triggers/update/{hook}/trigger", change)
    assert requests.post(url, json={}, timeout=60).status_code == 401
    assert requests.post(url, json={}, headers={"X-Key": "k"}, timeout=60).status_code == 201


def test_a_trigger_is_switched_off_and_removed(server: RunningServer, hook: str) -> None:
    url = trigger(server, hook)
    route = {"route_path": f"{hook}/push", "http_method": "post", "workspaced_route": True}
    assert server.post("/http_triggers/route_exists", route) is True
    server.post(f"/http_triggers/setmode/{hook}/trigger", {"mode": "disabled"})
    assert requests.post(url, json={}, timeout=60).status_code == 404
    assert server.get(f"/http_triggers/get/{hook}/trigger")["mode"] == "disabled"
    assert [row["path"] for row in server.get(f"/http_triggers/list?path_start={hook}/")] == [
        f"{hook}/trigger"
    ]
    assert server.ask("DELETE", f"/http_triggers/delete/{hook}/trigger").status_code == 200
    assert server.get(f"/http_triggers/exists/{hook}/trigger") is False


def schedule(server: RunningServer, folder: str, **more: Any) -> str:
    asked = {
        "path": f"{folder}/each_second",
        "schedule": "* * * * * *",
        "timezone": "Europe/Paris",
        "script_path": f"{folder}/flow",
        "is_flow": True,
        "args": {"n": 1},
        "enabled": True,
        "cron_version": "v2",
        **more,
    }
    return str(server.post("/schedules/create", asked))


def test_a_schedule_fires_until_it_is_switched_off(server: RunningServer, folder: str) -> None:
    server.post("/flows/create", flow(f"{folder}/flow", {"id": "a", "value": {"type": "identity"}}))
    path = schedule(server, folder)
    asked = f"/jobs/list?schedule_path={path}&success=true&has_null_parent=true"
    wait_until(lambda: len(server.get(asked)) >= 2, 30, "the schedule did not fire twice")
    server.post(f"/schedules/setenabled/{path}", {"enabled": False})
    runs = server.get(asked)
    assert {run["created_by"] for run in runs} == {f"schedule-{path}"}
    assert {run["script_path"] for run in runs} == {f"{folder}/flow"}
    assert server.get(f"/jobs_u/get_args/{runs[0]['id']}") == {"n": 1}
    assert len({run["id"] for run in runs}) == len(runs)
    server.ask("DELETE", f"/schedules/delete/{path}")


def test_a_run_that_overlaps_is_skipped_where_the_schedule_says_so(
    server: RunningServer, folder: str
) -> None:
    slow = python("a", "import time\ndef main():\n    time.sleep(5)\n")
    server.post("/flows/create", flow(f"{folder}/flow", slow))
    path = schedule(server, folder, no_flow_overlap=True)
    asked = f"/jobs/list?schedule_path={path}&script_path_exact={folder}/flow"
    wait_until(
        lambda: any(run.get("is_skipped") for run in server.get(asked)),
        30,
        "no run of the schedule was skipped",
    )
    server.post(f"/schedules/setenabled/{path}", {"enabled": False})
    runs = server.get(asked)
    assert sum(run["type"] == "QueuedJob" for run in runs) <= 1
    for run in runs:
        server.ask("POST", f"/jobs_u/queue/cancel/{run['id']}", json={})


def test_a_schedule_of_nothing_is_refused(server: RunningServer, folder: str) -> None:
    asked = {"path": f"{folder}/s", "schedule": "0 0 * * * *", "timezone": "Etc/UTC", "is_flow": True}
    answer = server.ask("POST", "/schedules/create", json={**asked, "script_path": f"{folder}/none"})
    assert answer.status_code == 404
    assert f"flow not found at name {folder}/none" in answer.text


def test_a_preview_shows_the_next_times(server: RunningServer) -> None:
    asked = {"schedule": "0 0 10 * * 1", "timezone": "Etc/UTC", "cron_version": "v2"}
    found = server.post("/api/schedules/preview", asked)
    assert len(found) == 5
    assert all(text.endswith("T10:00:00Z") for text in found)
    bad = server.ask("POST", "/api/schedules/preview", json={**asked, "schedule": "nonsense"})
    assert bad.status_code == 400
