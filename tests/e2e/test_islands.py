"""Two workers that share nothing but Windmill and an object store: a network, a home and a cache for each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from tests.support.deployed import Deployed, Target
from tests.support.elsewhere import of_no_use_elsewhere
from tests.support.islands.server import Islands, islands
from tests.support.object_store import BUCKET
from tests.support.oracle import Home, RunSeen, compare, run_locally
from tests.support.server import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.metaflow,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    of_no_use_elsewhere("the workers of another Windmill have the networks that they have"),
]

FLOWS = Path(__file__).parent / "flows"


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Islands]:
    with islands(tmp_path_factory.mktemp("islands")) as made:
        yield made


@pytest.fixture
def target(apart: Islands) -> Target:
    return Target(apart.server.url, apart.server.token, apart.server.workspace)


@pytest.fixture
def home(tmp_path: Path, apart: Islands) -> Home:
    return Home(tmp_path, apart.settings, patience=400)


def test_a_gang_adds_up_over_the_network(home: Home, target: Target, apart: Islands) -> None:
    deployed = Deployed(home, target, FLOWS / "apart.py", "Apart")
    seen = _finished(deployed, deployed.run("--nodes", "2"))
    assert seen.at("gather").artifacts["sums"] == "[[0, 1], [0, 1]]"
    jobs = [task.job for task in seen.tasks if task.place[0] == "train"]
    logs = [apart.server.get(f"/jobs_u/get_logs/{job}") for job in jobs]
    told = {address for address in apart.addresses for log in logs if f"2, at {address}, waits" in log}
    assert told == set(apart.addresses)


def test_every_kind_of_step_and_what_follows_a_run(
    home: Home, target: Target, apart: Islands, tmp_path_factory: pytest.TempPathFactory
) -> None:
    alone = Home(tmp_path_factory.mktemp("local"), patience=400)
    local = run_locally(alone, FLOWS / "everything.py", "Everything")
    after = Deployed(home, target, FLOWS / "after_everything.py", "AfterEverything")
    after.create("--pack", "2")
    deployed = Deployed(home, target, FLOWS / "everything.py", "Everything")
    broken = deployed.run("--broken", "drawn")
    assert deployed.wait(broken, 300).state.value == "FAILED"

    again = deployed.command("resume", broken, "--broken", "")
    assert again.returncode == 0, again.stderr
    run = f"windmill-{next(target.client.list_runs('f/flows/Everything')).id}"
    seen = _finished(deployed, run)
    differences = [line for line in compare(local, seen) if "the set of parents" not in line]
    assert differences == ["start: the artifact broken is '' locally, 'drawn' on Windmill."]
    assert _stored(apart, f"metaflow/told/{run}") == "succeeded"
    assert "<html" in _card(deployed, run)
    wait_until(lambda: _ended(after), 60, "the flow that waits for the end of the other did not run")
    (follows,) = target.client.list_runs("f/flows/AfterEverything")
    assert _finished(after, f"windmill-{follows.id}").at("end").artifacts["read"] == "[1, 0]"
    assert all(any(cache.iterdir()) for cache in apart.caches)


def _finished(deployed: Deployed, run: str) -> RunSeen:
    """Wait for the end of a run, and fetch what its tasks told of themselves from the store."""
    deployed.wait(run, 300)
    assert deployed.command("status", run).returncode == 0
    return deployed.finish(run)


def _stored(apart: Islands, key: str) -> str:
    answer = requests.get(f"{apart.settings['METAFLOW_S3_ENDPOINT_URL']}/{BUCKET}/{key}", timeout=30)
    assert answer.ok, answer.text
    return answer.text


def _card(deployed: Deployed, run: str) -> str:
    words = ("--no-pylint", "--quiet", "card", "get", f"{run}/drawn/t")
    return deployed.home.python(deployed.flow, *words).stdout


def _ended(after: Deployed) -> bool:
    jobs = list(after.target.client.list_runs("f/flows/AfterEverything"))
    return bool(jobs) and all(job.state.final for job in jobs)
