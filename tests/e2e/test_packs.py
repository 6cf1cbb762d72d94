"""A flow whose tasks share jobs does what it does without, and each of its tasks is known by its name."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import Deployed, Target
from tests.support.elsewhere import embedded_server
from tests.support.oracle import Home, compare
from tests.support.recorded import known_local_run
from tests.support.server import RunningServer, wait_until
from tests.support.worker_processes import worker_processes

if TYPE_CHECKING:
    from tests.support.oracle import RunSeen

pytestmark = pytest.mark.metaflow

FLOW = Path(__file__).parent / "flows/packed.py"
LANES = ("--pack=3", "--max-workers=2")
LOST = """
import fcntl
import time
from pathlib import Path
from metaflow import FlowSpec, Parameter, step

class LostFlow(FlowSpec):
    traces = Parameter("traces")

    @step
    def start(self):
        self.items = list(range(4))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        held = open(self.traces + ".held", "w")
        fcntl.flock(held, fcntl.LOCK_EX)
        with open(self.traces, "a") as file:
            print(self.input, file=file)
        print("works on", self.input)
        while self.input == 1 and Path(self.traces).read_text().split() == ["0", "1"]:
            time.sleep(0.05)
        self.square = self.input**2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.squares = [one.square for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    LostFlow()
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("packs"))


@pytest.fixture(scope="module")
def local(home: Home) -> RunSeen:
    return known_local_run(home, FLOW, "Packed")


def told(packed: Deployed, *words: str) -> str:
    done = packed.command(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def attempts(packed: Deployed, run: str) -> dict[str, list[tuple[int, str]]]:
    """Return the attempts of each task as `status` has them."""
    found: dict[str, list[tuple[int, str]]] = {}
    for task in json.loads(told(packed, "status", run, "--json"))["tasks"]:
        found.setdefault(f"{task['step']}/{task['task_id']}", []).append((task["attempt"], task["state"]))
    return found


def test_tasks_that_share_a_job_are_what_they_are_alone(home: Home, windmill: Target, local: RunSeen) -> None:
    packed = Deployed(home, windmill, FLOW, "Packed")
    run = packed.run("--pack=3")
    assert compare(local, packed.finish(run)) == []
    modules = windmill.client.get_job(run.removeprefix("windmill-")).flow_status["modules"]
    assert [module["id"] for module in modules][:3] == ["start", "start_foreach", "gather"]
    assert len(modules[1]["flow_jobs"]) == 3
    result = windmill.client.get_job(modules[0]["job"]).result
    assert [row["task"] for row in result["tasks"]] == ["start/t", "prepare/t"]
    page = windmill.client.get_job(run.removeprefix("windmill-")).result["markdown"]
    rows = {words[0]: words[1:3] for line in page.splitlines() if len(words := line.split()) > 5}
    assert [rows[step] for step in ("start", "prepare", "work", "after")] == [
        *(["1", "0"], ["1", "0"], ["7", "1"], ["7", "0"])
    ]
    seen = attempts(packed, run)
    assert seen.keys() == local_names(local)
    assert seen["work/t-4"] == [(0, "FAILED"), (1, "SUCCEEDED")]
    assert seen["work/t-3"] == seen["after/t-4"] == seen["choose/t"] == [(0, "SUCCEEDED")]
    lines = told(packed, "logs", run, "--step=work/t-4").splitlines()
    assert "[work/t-4] works on 4" in lines
    assert "[work/t-4 (attempt 2)] works on 4" in lines
    assert all(line.startswith("[work/t-4") for line in lines)


def local_names(local: RunSeen) -> set[str]:
    """Return the names that the tasks of a local run have on Windmill."""
    places = [task.place for task in local.tasks if task.place[0] != "_parameters"]
    return {f"{step}/t" + "".join(f"-{index}" for index in indices) for step, indices, _ in places}


def test_what_failed_in_a_job_is_done_by_the_resumed_run_and_nothing_else(
    home: Home, windmill: Target
) -> None:
    packed = Deployed(home, windmill, FLOW, "Packed")
    run = packed.run(*LANES, "--broken=1")
    job = packed.wait(run)
    assert job.state.value == "FAILED"
    status = told(packed, "status", run)
    assert "work/t-1, attempt 2: LookupError: for good" in status
    assert attempts(packed, run)["work/t-2"] == [(0, "SUCCEEDED")]
    said = packed.command("resume", run, "--broken=-1", f"--run-id-file={home.root / 'resumed'}")
    assert said.returncode == 0, said.stdout + said.stderr
    resumed = (home.root / "resumed").read_text().strip()
    assert "it was cloned from" in told(packed, "logs", resumed, "--step=work/t-2")
    assert "cloned" not in told(packed, "logs", resumed, "--step=work/t-1")
    (seen,) = home.read(f"Packed/{resumed}", told="")
    assert seen.at("end").artifacts["squares"] == repr([0, 1, 4, 9, 16, 25, 36])


def test_a_worker_that_is_killed_loses_the_task_that_ran_and_the_run_ends_well(
    home: Home, tmp_path: Path
) -> None:
    why = "it kills workers that others use"
    with embedded_server(tmp_path / "server", why, workers=1) as server:
        assert isinstance(server, RunningServer)
        target = Target(server.url, server.token, server.workspace)
        lost = Deployed(home, target, home.write("lost", LOST), "LostFlow")
        traces = tmp_path / "traces"
        run = lost.run("--pack=4", f"--traces={traces}")
        said = f"/jobs_u/get_flow_all_logs/{run.removeprefix('windmill-')}"
        wait_until(lambda: "works on 1" in server.get(said), 90, "no task told that it ran")
        for process in worker_processes(server.data):
            os.kill(process, signal.SIGKILL)
        seen = lost.finish(run)
        assert seen.at("end").artifacts["squares"] == "[0, 1, 4, 9]"
        assert traces.read_text().split() == ["0", "1", "1", "2", "3"]
        states = attempts(lost, run)
        assert {name: found[-1][1] for name, found in states.items()} == dict.fromkeys(states, "SUCCEEDED")
        assert len(states) == 7
        assert [seen.at("work", item).attempt for item in range(4)] == [0, 1, 0, 0]
        logs = [told(lost, "logs", run, f"--step=work/t-{item}").splitlines() for item in range(4)]
        assert [lines.count(f"[work/t-{item}] works on {item}") for item, lines in enumerate(logs)] == [1] * 4
        assert "[work/t-1 (attempt 2)] works on 1" in logs[1]


def test_a_job_that_is_stopped_begins_no_further_task_and_a_resumed_run_does_the_rest(
    home: Home, windmill: Target, tmp_path: Path
) -> None:
    stopped = Deployed(home, windmill, home.write("stopped", LOST.replace("LostFlow", "Stopped")), "Stopped")
    traces = tmp_path / "traces"
    run = stopped.run("--pack=4", f"--traces={traces}")
    wait_until(lambda: traces.exists() and traces.read_text().split() == ["0", "1"], 90, "no task ran")
    told(stopped, "terminate", run)
    assert stopped.wait(run).state.value == "CANCELED"
    wait_until(lambda: is_free(traces.with_suffix(".held")), 60, "the task goes on")
    assert traces.read_text().split() == ["0", "1"]
    resumed = stopped.resume(run)
    assert stopped.finish(resumed).at("end").artifacts["squares"] == "[0, 1, 4, 9]"
    assert traces.read_text().split() == ["0", "1", "1", "2", "3"]


def is_free(file: Path) -> bool:
    """Tell whether no process holds a file."""
    with file.open() as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
