"""A server that is killed, workers that are killed, steps that outlive their server: nothing is lost."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.engine_bench import flow, loop, static, step
from tests.support.server import end_server, start_server, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOTES = """
import os
def main(book, i=0):
    with open(book, "a") as file:
        file.write(f"{i} {os.environ['WM_JOB_ID']}\\n")
    return i
"""
ECHO = "def main(**given):\n    return given\n"
WAITS = """
import os, pathlib, time
def main(book, gate):
    with open(book, "a") as file:
        file.write(f"{os.getpid()} {os.environ['WM_JOB_ID']}\\n")
    while not pathlib.Path(gate).exists():
        time.sleep(0.02)
    return "opened"
"""


class House:
    """A data directory with one server at a time, always at the same address."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.book = directory / "book"
        self.gate = directory / "gate"
        self.server = start_server(directory, token="secret")

    def restart(self) -> None:
        """Start the next server where the last one was."""
        port = self.server.url.rsplit(":", 1)[1]
        self.server = start_server(self.directory, token="secret", arguments=["--port", port])

    def kill(self) -> None:
        """Kill the server, and only it."""
        self.server.process.send_signal(signal.SIGKILL)
        self.server.process.wait()

    def run(self, value: Any, args: Any = None) -> str:
        """Start a flow."""
        job: str = self.server.post("/jobs/run/preview_flow", {"value": value, "args": args or {}})
        return job

    def lines(self) -> list[list[str]]:
        """What the steps wrote down."""
        return [line.split() for line in self.book.read_text().splitlines()] if self.book.exists() else []

    def wait_for_lines(self, count: int) -> None:
        """Wait until so many steps have written something down."""
        wait_until(lambda: len(self.lines()) >= count, 60, f"fewer than {count} steps began")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.gate.touch()
    end_server(made.server)


def waiting_step(house: House) -> Any:
    return step("a", WAITS, inputs={"book": static(str(house.book)), "gate": static(str(house.gate))})


def worker_of(house: House) -> Callable[[], int | None]:
    """Return what finds the process of the worker that runs a job."""

    def find() -> int | None:
        for line in house.lines():
            parent = _parent(int(line[0]))
            if parent is not None and parent != 1:
                return parent
        return None

    return find


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except FileNotFoundError:
        return None


@pytest.mark.slow
def test_a_foreach_of_two_hundred_survives_the_server(house: House) -> None:
    body = step("a", NOTES, inputs={"book": static(str(house.book)), "i": "flow_input.iter.index"})
    items = "Array.from({length: 200}, (_, i) => i)"
    job_id = house.run(flow(loop("l", items, body), step("e", ECHO, inputs={"n": "results.l.length"})))
    for so_far in (20, 60, 120):
        house.wait_for_lines(so_far)
        house.kill()
        house.restart()
    job = house.server.finished(job_id, within=120)
    assert job["success"], job["result"]
    loop_job = job["flow_status"]["modules"][0]
    assert loop_job["flow_jobs_success"] == [True] * 200
    assert house.server.get(f"/jobs/result_by_id/{job_id}/l") == list(range(200))
    # The workers lived on, so that each iteration ran once, under one job.
    assert Counter(int(line[0]) for line in house.lines()) == Counter(range(200))


def test_a_step_may_outlive_its_server(house: House) -> None:
    job_id = house.run(flow(waiting_step(house), step("b", ECHO, inputs={"a": "results.a"})))
    house.wait_for_lines(1)
    house.kill()
    house.gate.touch()
    pid = int(house.lines()[0][0])
    wait_until(lambda: _parent(pid) is None, 30, "the step did not end")
    house.restart()
    job = house.server.finished(job_id)
    assert job["result"]["a"] == "opened"
    assert len(house.lines()) == 1


def test_a_step_goes_on_while_servers_change(house: House) -> None:
    job_id = house.run(flow(waiting_step(house)))
    house.wait_for_lines(1)
    for _ in range(2):
        house.kill()
        house.restart()
    assert not house.server.get(f"/jobs_u/completed/get_result_maybe/{job_id}")["completed"]
    house.gate.touch()
    assert house.server.finished(job_id)["result"] == "opened"
    assert len(house.lines()) == 1


def test_the_job_of_a_killed_worker_runs_again_under_its_id(house: House) -> None:
    job_id = house.run(flow(waiting_step(house)))
    house.wait_for_lines(1)
    first = int(house.lines()[0][0])
    worker = worker_of(house)()
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    house.wait_for_lines(2)
    wait_until(lambda: _parent(first) is None, 10, "the old process still runs")
    house.gate.touch()
    assert house.server.finished(job_id)["result"] == "opened"
    assert len({line[1] for line in house.lines()}) == 1


def test_server_and_worker_may_die_together(house: House) -> None:
    job_id = house.run(flow(waiting_step(house)))
    house.wait_for_lines(1)
    first = int(house.lines()[0][0])
    worker = worker_of(house)()
    assert worker is not None
    house.kill()
    os.kill(worker, signal.SIGKILL)
    house.restart()
    house.wait_for_lines(2)
    wait_until(lambda: _parent(first) is None, 10, "the old process still runs")
    house.gate.touch()
    assert house.server.finished(job_id)["result"] == "opened"


def test_a_running_step_is_canceled_with_all_it_started(house: House) -> None:
    content = WAITS.replace("import os,", "import subprocess, os,").replace(
        "def main(book, gate):",
        "def main(book, gate):\n    subprocess.Popen(['sleep', '300'])",
    )
    job_id = house.run(
        flow(step("a", content, inputs={"book": static(str(house.book)), "gate": static(str(house.gate))}))
    )
    house.wait_for_lines(1)
    group = int(house.lines()[0][0])
    house.server.post(f"/jobs_u/queue/cancel/{job_id}", {"reason": "enough"})
    job = house.server.finished(job_id, within=60)
    assert job["canceled"] is True
    wait_until(lambda: not _alive(group), 10, "the group still runs")


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
