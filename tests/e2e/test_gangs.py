"""Gangs whose nodes are jobs of their own: as in a local run, resumed, and with too few workers."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import Deployed, Target
from tests.support.elsewhere import some_server
from tests.support.oracle import Home, compare
from tests.support.recorded import known_local_run

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.metaflow

FLOW = Path(__file__).parent / "flows" / "apart.py"
WAITS = 6


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_it_is_what_it_is_in_a_local_run_and_is_resumed_as_a_whole(home: Home, windmill: Target) -> None:
    local = known_local_run(home, FLOW, "Apart", "--nodes", "2", "--port", "29412")
    deployed = Deployed(home, windmill, FLOW, "Apart")
    failed_id = deployed.run("--nodes", "2", "--port", "29412", "--fails", "0,1")
    failed = deployed.wait(failed_id)
    assert "this node was told to fail" in json.dumps(failed.result)

    again_id = resume(deployed, failed_id, "--fails", "")
    again = deployed.finish(again_id)
    assert again.successful
    # The start step is a clone, with the value of then.
    assert compare(local, again) == ["start: the artifact fails is '' locally, '0,1' on Windmill."]
    jobs = {task.job for task in again.tasks if task.place[0] == "train"}
    assert len(jobs) == 2

    cloned = deployed.finish(resume(deployed, again_id, "--step-to-rerun", "gather"))
    assert cloned.at("gather").artifacts["sums"] == "[[0, 1], [0, 1]]"
    assert all(f"{job}" not in cloned.log for job in jobs)


def resume(deployed: Deployed, *words: str) -> str:
    file = deployed.home.root / "resumed"
    done = deployed.command("resume", "--no-wait", f"--run-id-file={file}", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return file.read_text(encoding="utf-8").strip()


@pytest.fixture
def two_workers(tmp_path: Path) -> Iterator[Target]:
    with some_server(tmp_path / "server") as server:
        yield Target(server.url, server.token, server.workspace)


def test_gangs_that_hold_each_others_workers_give_them_back(home: Home, two_workers: Target) -> None:
    text = FLOW.read_text(encoding="utf-8").replace("@retry(times=1, minutes_between_retries=0)", "")
    few = home.write("few", text.replace("gather_timeout=60", f"gather_timeout={WAITS}"))
    deployed = Deployed(home, two_workers, few, "Apart")
    patient_one = Deployed(home, two_workers, home.write("fits", text.replace("Apart", "Fits")), "Fits")
    for one in (deployed, patient_one):
        one.create()
    began = time.monotonic()
    too_large = [deployed.trigger("--nodes", "3", "--port", port) for port in ("29421", "29422")]
    fits = patient_one.trigger("--nodes", "2", "--port", "29423")
    for run in too_large:
        told = json.dumps(deployed.wait(run).result)
        assert f"got a worker within {WAITS} seconds, so the gang gives them back" in told
    assert patient_one.finish(fits).at("gather").artifacts["sums"] == "[[0, 1], [0, 1]]"
    assert time.monotonic() - began < 20 * WAITS
