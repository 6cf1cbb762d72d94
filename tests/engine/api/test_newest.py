"""By path a server runs what it remembers; the newest version, asked for and started, is never late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.deployed import Target
from tests.support.programs import flow

from metaflow_windmill.contract.record import PackageInfo, Record, StoreInfo
from metaflow_windmill.deployment.described.names import DeploymentId
from metaflow_windmill.deployment.placed.prepared import wait_until_ready
from metaflow_windmill.runs.start import deployed_version, trigger

if TYPE_CHECKING:
    from tests.support.server import RunningServer

    from metaflow_windmill.client.windmill import Windmill

RECORD = Record(
    flow="Flow",
    owner="alice",
    token="flow-0",
    package=PackageInfo("/store/ab/ab", "ab", "{}", "flow.py"),
    datastore=StoreInfo("local"),
    metadata=StoreInfo("local"),
)


def version(path: str, number: int) -> dict[str, Any]:
    """A flow with a number in it."""
    loop = {
        "type": "forloopflow",
        "iterator": {"type": "static", "value": [number]},
        "skip_failures": False,
        "parallel": False,
        "modules": [{"id": "b", "value": {"type": "identity", "flow": False}}],
    }
    made = flow(path, {"id": "a", "value": loop})
    made["value"]["flow_env"] = {"metaflow": RECORD.to_json()}
    return made


def number_of(server: RunningServer, job_id: str) -> int:
    """Return the number of the version that a run ran."""
    modules = server.get(f"/jobs_u/get/{job_id}")["raw_flow"]["modules"]
    return int(modules[0]["value"]["iterator"]["value"][0])


def deployed(windmill: Windmill, server: RunningServer, path: str, number: int) -> None:
    where = f"/flows/update/{path}" if number else "/flows/create"
    server.post(where, version(path, number))
    wait_until_ready(windmill, path)


def test_create_then_trigger_runs_what_was_created_twenty_times_in_a_row(
    server: RunningServer, folder: str
) -> None:
    path, windmill = f"{folder}/Flow", Target(server.url, server.token).client
    for number in range(20):
        deployed(windmill, server, path, number)
        server.post(f"/jobs/run/f/{path}", {})  # as a schedule or a webhook does, so that it is remembered
        record, newest = deployed_version(windmill.find_flow(path), path, DeploymentId("Flow"))
        started = (
            trigger(windmill, path, record, {}, version=newest).job_id,
            trigger(windmill, path, record, {}).job_id,
        )
        assert [number_of(server, job_id) for job_id in started] == [number] * 2


def test_by_path_the_version_before_is_run_for_some_seconds(server: RunningServer, folder: str) -> None:
    path, windmill = f"{folder}/Flow", Target(server.url, server.token).client
    ran = []
    for number in range(3):
        deployed(windmill, server, path, number)
        ran.append(number_of(server, server.post(f"/jobs/run/f/{path}", {})))
    # Events are read every ten seconds, and this takes less than one: they are read once at most.
    assert ran in ([0, 0, 0], [0, 1, 1], [0, 0, 2])
