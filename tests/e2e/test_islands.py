"""Two workers that share nothing but Windmill and an object store: a network, a home and a cache for each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import Deployed, Target
from tests.support.elsewhere import of_no_use_elsewhere
from tests.support.islands.server import Islands, islands
from tests.support.oracle import Home, RunSeen, compare, run_locally
from tests.support.server import wait_until

from metaflow_windmill.deployment.described.names import run_id_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.client.models import Job

pytestmark = [
    pytest.mark.metaflow,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    of_no_use_elsewhere("the workers of another Windmill have the networks that they have"),
]

_ELSEWHERE = re.compile(": the artifact (port|caught|late) is ")
"""Another port, so that both can run at once; tracebacks, whose files are in other places."""
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


def test_all_kinds_of_steps_and_what_follows_a_run(home: Home, target: Target) -> None:
    """A run that fails and one that goes on from it; exit hooks, an event, a pack."""
    after = Deployed(home, target, FLOWS / "after_everything.py", "AfterEverything")
    after.create("--pack", "3")
    first = Deployed(home, target, FLOWS / "everything.py", "Everything")
    broken = first.run("--broken", "drawn")
    here = Home(home.root / "local")  # without S3
    here.root.mkdir()
    local = run_locally(here, first.flow, "Everything", "--broken", "drawn", "--port", "29471")
    seen = _finished(first, broken)
    different = [line for line in compare(local, seen) if not _ELSEWHERE.search(line)]
    assert different == []
    assert seen.at("both").artifacts["seen"] == "[[(0, 0), (1, 1)], [(0, 0)]]"

    whole = first.resume(broken, "--broken", "")
    seen = _finished(first, whole)
    assert seen.successful, seen.log
    assert seen.at("drawn").artifacts["why"] == "['never good, at attempt 1', 'MetaflowExceptionWrapper']"
    told = f"True [0, 1, 2] {len({task.place[0] for task in seen.tasks})}"
    assert _told(home, whole) == told, "what the exit hook saw of its run"

    seen = _finished(after, _started_by(target, "f/flows/AfterEverything"))
    assert seen.at("start").artifacts["before"] == f"'Everything/{whole}'"
    assert seen.at("start").artifacts["why"] == "['never good, at attempt 1', 'MetaflowExceptionWrapper']"
    assert seen.at("end").artifacts["sum"] == "3"


def _told(home: Home, run: str) -> str:
    """Return what the exit hook of a run left in the store."""
    read = "import os, sys; from metaflow import S3; root = os.environ['METAFLOW_DATASTORE_SYSROOT_S3']\n"
    read += "with S3(s3root=f'{root}/told') as store: print(store.get(sys.argv[1]).text)"
    done = home.python("-c", read, run)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _started_by(target: Target, path: str) -> str:
    """Wait until an event has started a run of a flow; return its id."""

    def runs() -> list[Job]:  # and not the jobs that made locks when it was deployed
        return [job for job in target.client.list_jobs(script_path_exact=path) if job.kind == "flow"]

    wait_until(runs, 60, f"nothing started {path}")
    (job,) = runs()
    return run_id_of(job.id)


def _finished(deployed: Deployed, run: str) -> RunSeen:
    """Wait for the end of a run, and fetch what its tasks told of themselves from the store."""
    deployed.wait(run, 300)
    assert deployed.command("status", run).returncode == 0
    return deployed.finish(run)
