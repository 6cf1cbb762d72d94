"""Windmill's own Python client against the embedded server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.support.elsewhere import some_server
from tests.support.programs import flow, python, script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.server import Server

ADD = "def main(n=1):\n    return n + 1\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with some_server(tmp_path_factory.mktemp("sdk")) as running:
        running.post("/folders/create", {"name": "sdk"})
        running.post("/scripts/create", script("f/sdk/add", ADD))
        running.post("/flows/create", flow("f/sdk/flow", python("a", ADD, n="flow_input.n")))
        yield running


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Any]:
    from wmill import Windmill

    made = Windmill(base_url=server.url, token=server.token, workspace=server.workspace)
    yield made
    made.client.close()


def test_it_knows_who_and_where(client: Any) -> None:
    assert client.whoami()["username"] == "admin"
    assert client.version.startswith("CE v")


def test_it_runs_scripts_and_flows(client: Any) -> None:
    assert client.run_script_by_path("f/sdk/add", args={"n": 4}) == 5
    job = client.run_flow_async("f/sdk/flow", args={"n": 6})
    assert client.wait_job(job) == 7
    assert client.get_job_status(job) == "COMPLETED"
    assert client.get_result(job) == 7


def test_it_keeps_variables_resources_and_states(client: Any) -> None:
    client.set_variable("f/sdk/variable", "one", is_secret=True)
    client.set_variable("f/sdk/variable", "two")
    assert client.get_variable("f/sdk/variable") == "two"
    client.set_resource({"url": "$var:f/sdk/variable"}, "f/sdk/resource", "git_repository")
    assert client.get_resource("f/sdk/resource") == {"url": "two"}
    assert client.get_resource("f/sdk/none", none_if_undefined=True) is None
    assert [row["path"] for row in client.list_resources(resource_type="git_repository")] == [
        "f/sdk/resource"
    ]


def test_a_script_uses_it_inside_a_job(server: Server) -> None:
    content = """
import wmill
def main(n):
    wmill.set_state({"seen": n})
    return [wmill.get_state(), wmill.run_script_by_path("f/sdk/add", args={"n": n}), wmill.get_workspace()]
"""
    hash_ = server.post("/scripts/create", script("f/sdk/inside", content, lock=None))
    assert server.finished(server.get(f"/scripts/deployment_status/h/{hash_}")["job_id"])["success"]
    found = server.post("/jobs/run_wait_result/p/f/sdk/inside", {"n": 1})
    assert found == [{"seen": 1}, 2, server.workspace]


def test_it_cancels_a_job(client: Any, server: Server) -> None:
    sleeps = {"content": "import time\ndef main():\n    time.sleep(60)\n", "language": "python3"}
    job = server.post("/jobs/run/preview", sleeps)
    client.cancel_job(job, reason="enough")
    assert server.finished(job)["canceled_reason"] == "enough"
