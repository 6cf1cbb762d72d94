"""A way to the server that refuses, breaks and loses answers: all is done, and done once."""

from __future__ import annotations

import subprocess
import sys
import uuid
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.flaky.proxy import DONE, FAULTS, flaky_way
from tests.support.server import running_server

from metaflow_windmill.client.answers import made
from metaflow_windmill.client.http import HttpTransport
from metaflow_windmill.client.retrying import Backoff, Retrying
from metaflow_windmill.client.windmill import Windmill
from metaflow_windmill.contract.event import SUBSCRIPTION, Awaited, Subscription
from metaflow_windmill.errors import WindmillError
from metaflow_windmill.events import new_event, publish
from metaflow_windmill.workspace.installing.installer import Installer
from metaflow_windmill.workspace.installing.shipped import shipment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.flaky.proxy import Way
    from tests.support.server import RunningServer

SOON = Backoff(attempts=30, failed=30, first=0.01, most=0.01)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("flaky"), workers=1) as running:
        yield running


@pytest.fixture
def way(server: RunningServer) -> Iterator[Way]:
    with flaky_way(0.4, 7, server.url, tuple(fault for fault in FAULTS if fault != "429")) as there:
        yield there


@pytest.fixture
def windmill(way: Way, server: RunningServer) -> Iterator[Windmill]:
    with closing(Windmill(Retrying(HttpTransport(way.url, server.token), SOON), "admins")) as client:
        yield client


def flow(path: str, number: int) -> dict[str, Any]:
    identity = {"type": "identity"}
    value = {"modules": [{"id": "a", "value": identity}], "flow_env": {"metaflow": {"number": number}}}
    return {"path": path, "summary": "", "description": "", "value": value, "schema": {}}


def test_each_flow_is_deployed_and_each_run_started_once(
    server: RunningServer, way: Way, windmill: Windmill
) -> None:
    windmill.create_folder("flaky")
    jobs = []
    for number in range(4):
        path = f"f/flaky/F{number}"
        windmill.create_flow(flow(path, 0))
        for version in range(1, 4):
            windmill.update_flow(flow(path, version), windmill.get_flow(path).version)
        jobs += [windmill.run_flow(path, {"x": number}, str(uuid.uuid4())) for _ in range(5)]
        windmill.schedules.create(
            {
                "path": path,
                "script_path": path,
                "is_flow": True,
                "schedule": "0 0 3 1 1 *",
                "timezone": "UTC",
                "args": {},
                "enabled": False,
            }
        )
    way.rate = 0
    for number in range(4):
        assert len(windmill.flow_history(f"f/flaky/F{number}")) == 4
    ran = [job.id for number in range(4) for job in windmill.list_runs(f"f/flaky/F{number}")]
    assert sorted(ran) == sorted(jobs)
    assert all(server.finished(job)["success"] for job in jobs)
    assert set(way.faults) == set(way.only)


def test_each_event_starts_each_flow_once(server: RunningServer, way: Way, windmill: Windmill) -> None:
    both = Subscription("f/flaky/Both", (Awaited("a"), Awaited("b")))
    one = Subscription("f/flaky/One", (Awaited("a"),))
    for subscription in (both, one):
        windmill.create_flow(flow(subscription.flow, 0))
        windmill.resources.put(subscription.flow, subscription.to_json(), SUBSCRIPTION, "")
    for number in range(4):
        for name in ("a", "b"):
            event = new_event(name, {}, f"{name}{number}")
            for _ in range(2):
                assert not publish(windmill, event).failures
    way.rate = 0
    for path in (both.flow, one.flow):
        runs = [windmill.get_job(job.id) for job in windmill.list_runs(path)]
        events = [tuple(event["id"] for event in job.args["$trigger"]) for job in runs]
        wanted = [(f"a{n}", f"b{n}") if path == both.flow else (f"a{n}",) for n in range(4)]
        assert sorted(events) == wanted


def test_the_scripts_of_a_workspace_are_installed(
    server: RunningServer, way: Way, windmill: Windmill
) -> None:
    installer = Installer(windmill.transport, "admins")
    all_of_it = shipment()
    part = replace(all_of_it, scripts=all_of_it.scripts[-2:], schedules={}, triggers={})
    for step in installer.plan(part):
        made(step.request, windmill.transport.send(step.request))
    assert [step.summary for step in installer.plan(part)] == []
    versions = [server.get(f"/scripts/get/p/{script.path}")["parent_hashes"] for script in part.scripts]
    assert [older for older in versions if older] == []


@pytest.mark.parametrize("fault", ["502", "reset", "lost", "half"])
def test_a_server_that_never_comes_back_is_told_in_a_sentence(server: RunningServer, fault: str) -> None:
    with flaky_way(1.0, 1, server.url, (fault,)) as there:
        inner = HttpTransport(there.url, server.token)
        windmill = Windmill(Retrying(inner, Backoff(first=0.001, most=0.001)), "admins")
        with closing(windmill), pytest.raises(WindmillError) as caught:
            windmill.whoami()
    told = str(caught.value)
    assert "status 502, 8 times" in told if fault == "502" else "the connection broke" in told
    assert there.asked["GET"] == 8


def test_no_connection_is_left_open(server: RunningServer, tmp_path: Path) -> None:
    """The interpreter itself complains of each socket that nobody closed."""
    code = (
        "from metaflow_windmill.events import publish_event\n"
        "for number in range(3):\n    publish_event('nobody-waits')\n"
        "from metaflow_windmill.client.site import find_address, open_site\n"
        "open_site(find_address()).windmill.whoami()\n"
        "import gc; gc.collect()\n"
    )
    with flaky_way(0.3, 3, server.url, DONE) as there:
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "ignore", "-W", "error::ResourceWarning", "-c", code],
            env={
                "WINDMILL_HOST": there.url,
                "WINDMILL_TOKEN": server.token,
                "METAFLOW_HOME": str(tmp_path),
                "HOME": str(tmp_path),
                "USER": "tester",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert (done.returncode, done.stderr) == (0, "")
