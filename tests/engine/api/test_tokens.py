"""What tokens open, and what they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests
from tests.support.programs import flow, script

if TYPE_CHECKING:
    from tests.support.server import RunningServer

NOTHING = {"id": "a", "value": {"type": "identity"}}


def token(server: RunningServer, *scopes: str) -> str:
    asked = {"label": "test", "scopes": list(scopes), "workspace_id": "admins"}
    return str(server.post("/api/users/tokens/create", asked))


@pytest.fixture
def flows(server: RunningServer, folder: str) -> str:
    for name in ("one", "two"):
        server.post("/flows/create", flow(f"{folder}/{name}", NOTHING))
    server.post("/scripts/create", script(f"{folder}/one", "def main(): return 1\n"))
    return folder


def test_a_token_to_run_one_flow_runs_that_flow_only(server: RunningServer, flows: str) -> None:
    narrow = token(server, f"jobs:run:flows:{flows}/one")

    def status(method: str, path: str, body: object = None) -> int:
        return server.ask(method, path, token=narrow, json=body).status_code

    assert status("POST", f"/jobs/run/f/{flows}/one", {}) == 201
    assert status("POST", f"/jobs/run_wait_result/f/{flows}/one", {}) == 200
    assert status("POST", f"/jobs/run/f/{flows}/two", {}) == 403
    assert status("POST", f"/jobs/run/p/{flows}/one", {}) == 403
    version = server.get(f"/flows/get_latest_version/{flows}/two")["id"]
    assert status("POST", f"/jobs/run/fv/{version}", {}) == 403
    preview = {"content": "def main(): pass", "language": "python3"}
    assert status("POST", "/jobs/run/preview", preview) == 403
    assert status("POST", "/jobs/run/preview_flow", {"value": {"modules": []}}) == 403
    assert status("GET", f"/flows/get/{flows}/one") == 403
    assert status("GET", "/jobs/list") == 200
    assert status("POST", "/folders/create", {}) == 403
    assert status("DELETE", f"/flows/delete/{flows}/one") == 403
    assert status("GET", "/api/users/tokens/list") == 401
    assert status("POST", "/api/users/tokens/create", {}) == 401
    assert status("GET", "/users/whoami") == 403
    refused = server.ask("POST", f"/jobs/run/f/{flows}/two", token=narrow, json={})
    assert f"jobs:run:flows:{flows}/two" in refused.text


def test_a_token_to_write_a_folder_writes_there_only(server: RunningServer, flows: str) -> None:
    narrow = token(server, f"flows:write:{flows}/*")
    inside = flow(f"{flows}/three", NOTHING)
    assert server.ask("POST", "/flows/create", token=narrow, json=inside).status_code == 201
    assert server.ask("GET", f"/flows/get/{flows}/three", token=narrow).status_code == 200
    outside = flow("f/elsewhere/three", NOTHING)
    assert server.ask("POST", "/flows/create", token=narrow, json=outside).status_code == 403
    moved = server.ask("POST", f"/flows/update/{flows}/three", token=narrow, json=outside)
    assert moved.status_code == 403
    assert server.ask("POST", f"/jobs/run/f/{flows}/three", token=narrow, json={}).status_code == 403


def test_a_deleted_token_opens_nothing(server: RunningServer) -> None:
    made = token(server, "users:read")
    listed = server.get("/api/users/tokens/list")
    assert made[:10] in [row["token_prefix"] for row in listed]
    assert made not in str(listed)
    server.ask("DELETE", f"/api/users/tokens/delete/{made[:10]}")
    assert server.ask("GET", "/users/whoami", token=made).status_code == 401


def test_a_token_comes_in_the_header_or_the_query(server: RunningServer) -> None:
    url = f"{server.url}/api/w/admins/users/whoami"
    assert requests.get(url, params={"token": server.token}, timeout=30).status_code == 200
    assert (
        requests.get(url, headers={"Authorization": f"bearer {server.token}"}, timeout=30).status_code == 200
    )
    assert requests.get(url, headers={"Authorization": server.token}, timeout=30).status_code == 401
    assert requests.get(url, params={"token": ""}, timeout=30).status_code == 401


def test_a_job_may_do_what_its_user_may_whatever_token_started_it(server: RunningServer, folder: str) -> None:
    asks = """
import os, urllib.request, urllib.error
def main(path):
    url = os.environ["BASE_INTERNAL_URL"] + "/api/w/admins/" + path
    headers = {"Authorization": "Bearer " + os.environ["WM_TOKEN"]}
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers)).status
    except urllib.error.HTTPError as fault:
        return fault.code
"""
    server.post("/scripts/create", script(f"{folder}/asks", asks))
    narrow = token(server, f"jobs:run:scripts:{folder}/asks")
    run = f"/jobs/run_wait_result/p/{folder}/asks"
    assert server.ask("POST", run, token=narrow, json={"path": "flows/list"}).json() == 200
    assert server.ask("GET", "/flows/list", token=narrow).status_code == 403


def test_workspaces_are_apart(server: RunningServer, folder: str) -> None:
    server.post("/api/workspaces/create", {"id": "apart", "name": "Apart"})
    assert server.post("/api/workspaces/exists", {"id": "apart"}) is True
    assert server.post("/api/workspaces/exists", {"id": "nowhere"}) is False
    own = server.post("/api/users/tokens/create", {"label": "x", "workspace_id": "apart"})
    assert "apart" in [row["id"] for row in server.get("/api/workspaces/list")]
    assert server.ask("GET", "/api/workspaces/list", token=own).status_code == 401
    made = server.ask("POST", "/api/w/apart/folders/create", token=own, json={"name": "a"})
    assert made.status_code == 200
    assert server.ask("GET", "/folders/list", token=own).status_code == 401
    refused = server.ask("POST", "/api/w/nowhere/folders/create", json={"name": "a"})
    assert (refused.status_code, "nowhere does not exist" in refused.text) == (400, True)
