"""Two workers that share nothing but Windmill and an object store: a network, a home and a cache for each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import Deployed, Target
from tests.support.elsewhere import of_no_use_elsewhere
from tests.support.islands.server import Islands, islands
from tests.support.oracle import Home, RunSeen

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


def _finished(deployed: Deployed, run: str) -> RunSeen:
    """Wait for the end of a run, and fetch what its tasks told of themselves from the store."""
    deployed.wait(run, 300)
    assert deployed.command("status", run).returncode == 0
    return deployed.finish(run)
