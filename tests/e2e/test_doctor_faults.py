"""Faults that keep a flow from running, seeded in a workspace: doctor names each, and what mends it."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.deployed import Deployed, Target
from tests.support.doctoring import doctor
from tests.support.elsewhere import elsewhere, embedded_server, some_server
from tests.support.oracle import Home
from tests.support.workspace import Workspace, flow_file
from tests.support.workspace_faults import (
    CREATE,
    FAULTS,
    FOLDER,
    OURS,
    SCHEDULE,
    Fault,
    Seeding,
    all_are_busy,
    made_for_another_python,
)

from metaflow_windmill.workspace.doctor.queue_findings import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.server import Server


@contextmanager
def a_server(directory: Path) -> Iterator[Server]:
    """Give a server whose workers take the jobs of stock workers."""
    if elsewhere():
        with some_server(directory) as server:
            yield server
    else:
        with embedded_server(directory, "", 2, arguments=("--tags", "ours")) as server:
            yield server


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeding]:
    directory = tmp_path_factory.mktemp("faults")
    with a_server(directory) as server:
        server.post("/folders/create", {"name": "faults"})
        home = Home(directory)
        place = Workspace(server, directory)
        place.install()
        flow = home.write("flow", flow_file("FaultsFlow", more=SCHEDULE))
        target = Target(server.url, server.token, server.workspace)
        deployed = Deployed(home, target, flow, "FaultsFlow")
        deployed.create("--folder", FOLDER)
        elsewhere_folder = tmp_path_factory.mktemp("elsewhere")
        yield Seeding(place, server.get(f"/flows/get/{OURS}"), elsewhere_folder)


def told(seeding: Seeding, *options: str) -> tuple[str, list[Any]]:
    done = doctor(seeding.place, seeding.folder, "--folder", FOLDER, *options, "--json")
    return done.stderr, json.loads(done.stdout)["findings"]


@pytest.fixture(scope="module")
def before(healthy: Seeding) -> list[Any]:
    """What doctor says of the workspace while all is well."""
    return told(healthy)[1]


@pytest.fixture(scope="module")
def at_a_worker(healthy: Seeding, before: list[Any]) -> list[Any]:
    """What a worker says of flows that were made for other Pythons."""
    assert before
    for name in ("Old", "Older"):
        healthy.copy(name, made_for_another_python)
    return list(healthy.place.script("doctor", folder=FOLDER)["result"]["findings"])


@pytest.fixture(scope="module")
def seeded(healthy: Seeding, at_a_worker: list[Any]) -> list[Any]:
    """What doctor says once every fault is there."""
    assert at_a_worker
    for fault in sorted(FAULTS, key=lambda fault: fault.name == "busy"):
        fault.seed(healthy)
    time.sleep(PATIENCE)  # the busy workers' queue is worth a word after so long, whoever looks
    return told(healthy)[1]


def test_a_healthy_workspace_has_no_fault(before: list[Any]) -> None:
    assert [item for item in before if item["state"] != "ok"] == []
    assert not any(fault.said in item["said"] for fault in FAULTS for item in before)
    by_subject = {item["subject"]: item["said"] for item in before}
    assert by_subject["flows"] == "1 deployed, 1 with nothing missing"
    assert by_subject["schedules"].startswith(f"1 on; due next: {OURS} at ")
    assert "03:00 UTC" in by_subject["schedules"]


def test_a_worker_names_the_python_that_it_does_not_have(at_a_worker: list[Any]) -> None:
    (found,) = (item for item in at_a_worker if item["subject"] == "pythons")
    assert found["said"].startswith(
        f"{FOLDER}/Older was made for Python 3.7 (so were 1 more), and here is 3."
    )
    assert found["state"] == "warn"
    assert "`uv python install 3.7`" in found["advice"]
    assert CREATE in found["advice"]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_named_with_what_mends_it(seeded: list[Any], fault: Fault) -> None:
    if fault.seed is all_are_busy and elsewhere():
        pytest.skip("left out elsewhere: it takes all workers")
    named = [item for item in seeded if fault.said in item["said"]]
    assert len(named) == 1, [item["said"] for item in seeded]
    assert named[0]["state"] == fault.state
    assert fault.mended in named[0]["advice"]


def test_there_are_twenty() -> None:
    assert len({fault.name for fault in FAULTS}) >= 20


def test_one_flow_is_looked_at_alone(healthy: Seeding, seeded: list[Any]) -> None:
    assert seeded
    _, found = told(healthy, "--flow", f"{FOLDER}/Secretive")
    flows = [item for item in found if item["subject"] in ("flow", "schedule")]
    assert [item["said"].partition(" needs")[0] for item in flows] == [f"{FOLDER}/Secretive"]
    _, absent = told(healthy, "--flow", f"{FOLDER}/Nowhere")
    assert any(item["subject"] == "flows" and item["state"] == "bad" for item in absent)
