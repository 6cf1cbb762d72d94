"""The page of a run that asks people: the form, what it answers, and what it says is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from tests.support.programs import flow, python
from tests.support.server import running_server, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.server import RunningServer

SCHEMA = {
    "type": "object",
    "properties": {"share": {"type": "number"}, "where": {"type": "string", "enum": ["eu", "us"]}},
    "required": ["share"],
}
TELL = "def main(**said):\n    return said\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("asking")) as running:
        running.post("/folders/create", {"name": "asking"})
        suspend = {"required_events": 1, "timeout": 600, "resume_form": {"schema": SCHEMA}}
        mock = {"enabled": True, "return_value": {"description": "Is **it** <good>?"}}
        gate = {"id": "ask", "value": {"type": "identity"}, "mock": mock, "suspend": suspend}
        body = [gate, python("b", TELL, said="resume", by="approvers")]
        loop = {
            "type": "forloopflow",
            "parallel": True,
            "skip_failures": False,
            "iterator": {"type": "javascript", "expr": "[1]"},
            "modules": body,
        }
        running.post("/flows/create", flow("f/asking/one", {"id": "l", "value": loop}))
        yield running


@pytest.fixture
def browser(server: RunningServer) -> requests.Session:
    session = requests.Session()
    session.get(f"{server.url}/", params={"token": server.token}, timeout=20)
    return session


def waiting(server: RunningServer) -> tuple[str, str]:
    """A run that waits, and the part of it that does."""
    run = str(server.post("/jobs/run/f/f/asking/one", {}))
    found: list[Any] = []

    def asks() -> bool:
        listed = server.get("/jobs/queue/list?suspended=true&script_path_start=f/asking/")
        found[:] = [row["id"] for row in listed if server.get(f"/jobs_u/get_root_job_id/{row['id']}") == run]
        return bool(found)

    wait_until(asks, 20, "it does not wait")
    return run, found[0]


def test_the_form_is_there_and_answers(server: RunningServer, browser: requests.Session) -> None:
    run, part = waiting(server)
    page = browser.get(f"{server.url}/run/{run}", timeout=20).text
    assert "Waits for an answer" in page
    assert "Is <strong>it</strong> &lt;good&gt;?" in page
    assert f'action="/run/{part}/answer"' in page
    address = f"{server.url}/run/{part}/answer"
    wrong = browser.post(address, data={"approved": "true", "arg.share": "much"}, timeout=20)
    assert wrong.status_code == 422
    right = browser.post(
        address, data={"approved": "true", "arg.share": "0.5", "arg.where": "eu"}, timeout=20
    )
    assert right.url.endswith(f"/run/{run}")
    assert server.finished(run)["result"] == [{"by": ["admin"], "said": {"share": 0.5, "where": "eu"}}]
    assert "Waits for an answer" not in browser.get(f"{server.url}/run/{run}", timeout=20).text
    assert browser.post(address, data={"approved": "true", "arg.share": "1"}, timeout=20).status_code == 400


def test_a_no_needs_no_answers(server: RunningServer, browser: requests.Session) -> None:
    run, part = waiting(server)
    browser.post(f"{server.url}/run/{part}/answer", data={"approved": "false"}, timeout=20)
    assert server.finished(run)["result"][0]["error"]["message"] == "Disapproved by admin"


def test_nobody_answers_without_having_signed_in(server: RunningServer) -> None:
    run, part = waiting(server)
    answer = requests.post(f"{server.url}/run/{part}/answer", data={"approved": "true"}, timeout=20)
    assert "Sign in" in answer.text
    server.post(f"/jobs_u/queue/cancel/{run}", {"reason": "the test is over"})
