"""Two workers that share nothing but Windmill and an object store: a network, a home and a cache for each."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import Deployed, Target
from tests.support.islands.server import Islands, islands
from tests.support.oracle import Home, RunSeen, compare
from tests.support.recorded import known_local_run
from tests.support.scripted_server import Answer, scripted_server
from tests.support.server import wait_until

from metaflow_windmill.deployment.described.names import run_id_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.client.models import Job

pytestmark = [
    pytest.mark.metaflow,
    pytest.mark.slow,
    pytest.mark.timeout(900),
]

THERE = ("--port", "29471")
"""Another port of the local run, so that both can run at once."""
_ELSEWHERE = re.compile(": the artifact (port|caught|late) is ")
"""The port; tracebacks, whose files are in other places."""
LANES_AND_CHUNKS = ("--max-workers", "2", "--max-num-splits", "600")
WHY = "['never good, at attempt 1', 'MetaflowExceptionWrapper']"
FLOWS = Path(__file__).parent / "flows"
STUMBLES = """
from metaflow import FlowSpec, Parameter, current, exit_hook, step

def stumble(run):
    raise ValueError(f"{run.id} has what was made in {run['end'].task.data.made}")

@exit_hook(on_success=[stumble])
class Stumbles(FlowSpec):
    broken = Parameter("broken", default=False)

    @step
    def start(self):
        self.made = current.run_id
        self.next(self.end)

    @step
    def end(self):
        assert not self.broken, "this step was told to fail"

if __name__ == "__main__":
    Stumbles()
"""


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


def test_all_kinds_of_steps_and_what_follows_a_run(home: Home, target: Target, apart: Islands) -> None:
    """A gang, exit hooks, an event, a pack, a memo."""
    after = Deployed(home, target, FLOWS / "after_everything.py", "AfterEverything")
    first = Deployed(home, target, FLOWS / "everything.py", "Everything")
    here = Home(home.root / "local")  # without S3
    here.root.mkdir()
    for one in (home, here):
        (one.root / "text.txt").write_text("included", encoding="utf-8")
    earlier = after.run("--pack", "3")
    assert after.wait(earlier).state.value == "SUCCEEDED"
    run = first.run(*LANES_AND_CHUNKS)
    seen = _finished(first, run)
    assert seen.successful, seen.log
    assert _differences(known_local_run(here, first.flow, "Everything", *THERE), seen) == []
    assert seen.at("both").artifacts["seen"] == "[[(0, 0), (1, 1)], [(0, 0)]]"
    assert seen.at("end").artifacts["why"] == WHY
    logs = [apart.log(task.job) for task in seen.tasks if task.place[0] == "node"]
    told = {address for address in apart.addresses for log in logs if f"2, at {address}, waits" in log}
    assert told == set(apart.addresses)
    summed_up = f"True [0, 1] {len({task.place[0] for task in seen.tasks})}"
    assert _told(home, run) == summed_up, "what the exit hook saw of its run"

    seen = _finished(after, _started_by(target, "f/flows/AfterEverything", earlier))
    assert seen.at("start").artifacts["before"] == f"'Everything/{run}'"
    assert seen.at("start").artifacts["why"] == WHY
    assert seen.at("end").artifacts["twice"] == "2"
    assert f"cloned from {earlier}/work/t (memo)" in apart.log(seen.at("start").job)


def test_a_pack_of_a_foreach_tries_again_what_failed(home: Home, target: Target) -> None:
    packed = Deployed(home, target, FLOWS / "packed.py", "Packed")
    seen = _finished(packed, packed.run("--pack", "3"))
    here = Home(home.root / "local")
    here.root.mkdir()
    assert compare(known_local_run(here, packed.flow, "Packed"), seen) == []
    assert (seen.at("work", 4).attempt, seen.at("work", 3).attempt) == (1, 0)


def test_a_run_that_fails_and_one_that_goes_on_from_it(home: Home, target: Target, apart: Islands) -> None:
    """Its hook has read what was cloned from the store; the receiver is where no loopback leads to."""
    stumbles = Deployed(home, target, home.write("stumbles", STUMBLES), "Stumbles")
    with scripted_server(Answer(200), host=apart.host) as receiver:
        address = {"path": "u/admin/hook", "value": receiver.url, "is_secret": True, "description": ""}
        target.post("/variables/create", address)
        notify = ("--notify-on-success", "--notify-webhook-url=$var:u/admin/hook")
        broken = stumbles.run(*notify, "--broken", "true")
        assert stumbles.wait(broken).state.value == "FAILED"
        whole = stumbles.resume(broken, "--broken", "false")
        assert stumbles.wait(whole).state.value == "SUCCEEDED"
    assert [json.loads(told.body)["run"] for told in receiver.seen] == [whole]
    hook = stumbles.step_job(whole, "end_on_success")
    assert hook.state.value == "FAILED"
    assert f"ValueError: {whole} has what was made in {broken}" in apart.log(hook.id)


def _differences(local: RunSeen, seen: RunSeen) -> list[str]:
    """Compare with a local run."""
    return [line for line in compare(local, seen) if not _ELSEWHERE.search(line)]


def _told(home: Home, run: str) -> str:
    """Return what the exit hook of a run left in the store."""
    read = "import os, sys; from metaflow import S3; root = os.environ['METAFLOW_DATASTORE_SYSROOT_S3']\n"
    read += "with S3(s3root=f'{root}/told') as store: print(store.get(sys.argv[1]).text)"
    done = home.python("-c", read, run)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _started_by(target: Target, path: str, earlier: str) -> str:
    """Wait until an event has started a run of a flow, beside an earlier one; return its id."""

    def runs() -> list[Job]:  # and not the jobs that made locks when it was deployed
        jobs = target.client.list_jobs(script_path_exact=path)
        return [job for job in jobs if job.kind == "flow" and run_id_of(job.id) != earlier]

    wait_until(runs, 60, f"nothing started {path}")
    (job,) = runs()
    return run_id_of(job.id)


def _finished(deployed: Deployed, run: str) -> RunSeen:
    """Wait for the end of a run of many tasks."""
    return deployed.finish(run, 300)
