"""Answering a flow that waits, over HTTP: in the words and with the statuses of a real 1.788."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
import requests
from tests.support.deployed import Target
from tests.support.people import member
from tests.support.programs import flow, python
from tests.support.server import wait_until

from metaflow_windmill.errors import Unauthorized

if TYPE_CHECKING:
    from tests.support.server import RunningServer

TELL = "def main(**said):\n    return said\n"
FORM = {"schema": {"type": "object", "properties": {"why": {"type": "string"}}}}


def asking(path: str, **rules: Any) -> dict[str, Any]:
    suspend = {"required_events": 1, "timeout": 600, "resume_form": FORM, **rules}
    mock = {"enabled": True, "return_value": {"description": "Go on?"}}
    gate = {"id": "ask", "value": {"type": "identity"}, "mock": mock, "suspend": suspend}
    told = python("b", TELL, said="resume", by="approvers")
    return flow(path, gate, told)


def begin(server: RunningServer, folder: str, **rules: Any) -> str:
    path = f"{folder}/asking"
    create = "create" if not server.get(f"/flows/exists/{path}") else f"update/{path}"
    server.post(f"/flows/{create}", asking(path, **rules))
    job = str(server.post(f"/jobs/run/f/{path}", {}))
    wait_until(lambda: server.get(f"/jobs_u/get/{job}").get("suspend"), 20, "it does not wait")
    return job


def test_what_is_asked_and_what_is_answered(server: RunningServer, folder: str) -> None:
    job = begin(server, folder)
    info = server.get(f"/jobs_u/flow/approval_info/{job}")
    assert (info["form_schema"], info["description"], info["can_approve"]) == (FORM, "Go on?", True)
    listed = server.get(f"/jobs/queue/list?suspended=true&script_path_start={folder}/")
    assert [row["id"] for row in listed] == [job]
    body = {"payload": {"why": "x"}, "approved": True}
    assert server.ask("POST", f"/jobs_u/flow/resume_suspended/{job}", json=body).status_code == 201
    assert server.finished(job)["result"] == {"by": ["admin"], "said": {"why": "x"}}


@pytest.mark.parametrize("how", ["refuse", "as owner"])
def test_other_ways_to_answer(server: RunningServer, folder: str, how: str) -> None:
    job = begin(server, folder)
    if how == "refuse":
        server.post(f"/jobs_u/flow/resume_suspended/{job}", {"approved": False})
        assert server.finished(job)["result"]["error"]["name"] == "SuspendedDisapproved"
    else:
        server.post(f"/jobs/flow/resume/{job}", {"why": "mine"})
        assert server.finished(job)["result"]["said"] == {"why": "mine"}


def test_nobody_answers_without_a_login_or_what_does_not_ask(server: RunningServer, folder: str) -> None:
    job = begin(server, folder)
    route = f"/jobs_u/flow/resume_suspended/{job}"
    address = f"{server.url}/api/w/{server.workspace}{route}"
    assert requests.post(address, json={}, timeout=20).status_code == 401
    server.post(route, {})
    server.finished(job)
    again = server.ask("POST", route, json={})
    assert (again.status_code, again.text.split(" @")[0]) == (500, "Error: parent flow job not found")
    unknown = server.ask("POST", f"/jobs_u/flow/resume_suspended/{uuid.uuid4()}", json={})
    assert unknown.status_code == 500


def test_members_are_no_admins_and_may_not_answer_what_they_started(
    server: RunningServer, folder: str
) -> None:
    target = Target(server.url, server.token, server.workspace)
    with member(target, "ann", folder.partition("/")[2]) as ann, member(target, "bob", folder[2:]) as bob:
        who = ann.client.whoami()
        assert (who.username, who.is_admin) == ("ann", False)
        begin(server, folder, self_approval_disabled=True)
        job = str(ann.post(f"/jobs/run/f/{folder}/asking", {}))
        wait_until(lambda: server.get(f"/jobs_u/get/{job}").get("suspend"), 20, "it does not wait")
        assert ann.client.approval_info(job)["can_approve"] is False
        with pytest.raises(Unauthorized, match="Self-approval is disabled for this flow step"):
            ann.client.resume_suspended(job, None, approved=True)
        bob.client.resume_suspended(job, None, approved=True)
        assert server.finished(job)["result"]["by"] == ["bob"]
    with pytest.raises(Unauthorized):
        ann.client.whoami()
