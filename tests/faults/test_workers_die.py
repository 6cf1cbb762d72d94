"""A worker, a server or both are killed in each state of a worker's life: nothing hangs or is lost."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.crew import MemoryQueue, abandon
from tests.support.worker_processes import worker_processes

from metaflow_windmill.devserver.runner.files import Places, read_json
from metaflow_windmill.devserver.runner.supervisor import Crew, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WITHIN = 60.0
WORKS = """
import pathlib, time
def main(started, gate):
    with open(started, "a") as file:
        file.write("x")
    while not pathlib.Path(gate).exists():
        time.sleep(0.02)
    return "opened"
"""
STATES = ("started", "idle", "running", "ended")


class Stand:
    """A queue, a directory, and one supervisor after the other."""

    def __init__(self, directory: Path) -> None:
        self.places, self.jobs = Places(directory / "data"), MemoryQueue()
        self.started, self.gate = directory / "started", directory / "gate"
        self.supervisor = self._new()

    def _new(self) -> Supervisor:
        supervisor = Supervisor(self.jobs, self.places.data, Crew(1))
        supervisor.start()
        return supervisor

    def add(self) -> str:
        """Queue a job that waits for its gate."""
        return self.jobs.add(WORKS, {"started": str(self.started), "gate": str(self.gate)})

    def next_server(self) -> None:
        """Let go of the workers as a server does that dies, and start the next one."""
        abandon(self.supervisor)
        self.supervisor = self._new()

    def worker(self) -> int:
        """Return the process of the one worker."""
        (process,) = worker_processes(self.places.data)
        return process


@contextmanager
def stand(directory: Path) -> Iterator[Stand]:
    made = Stand(directory)
    try:
        yield made
    finally:
        made.gate.touch()
        made.supervisor.stop()


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def reach(on: Stand, state: str) -> str | None:
    """Bring the worker to a state; return the job that it has then."""
    if state == "started":
        until(lambda: worker_processes(on.places.data), "no worker was started")
        return None
    until(on.supervisor.crew, "no worker said hello")
    if state == "idle":
        return None
    job = on.add()
    until(lambda: on.started.exists() and on.places.process(job).exists(), "the job did not begin")
    if state == "ended":
        os.kill(on.worker(), signal.SIGSTOP)  # It finds the end of the job, and lives to tell nobody.
        on.gate.touch()
        until(lambda: not alive_job(on, job), "the job did not end")
    return job


def alive_job(on: Stand, job: str) -> bool:
    group = read_json(on.places.process(job))["group"]
    try:
        return Path(f"/proc/{group}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def kill_worker(on: Stand) -> None:
    os.kill(on.worker(), signal.SIGKILL)


def kill_server(on: Stand) -> None:
    if on.jobs.running():
        os.kill(on.worker(), signal.SIGCONT)
    on.next_server()


def kill_both(on: Stand) -> None:
    """The server dies first, and the worker in the moment between its lock and its hello to the next one."""
    worker = on.worker()
    os.kill(worker, signal.SIGSTOP)
    on.next_server()
    os.kill(worker, signal.SIGKILL)


@pytest.mark.parametrize("kill", [kill_worker, kill_server, kill_both], ids=lambda kill: kill.__name__)
@pytest.mark.parametrize("state", STATES)
def test_nothing_hangs_is_lost_or_counted_twice(
    tmp_path: Path, state: str, kill: Callable[[Stand], None]
) -> None:
    with stand(tmp_path) as on:
        job = reach(on, state)
        kill(on)
        on.gate.touch()
        other = on.add()
        assert on.jobs.ended(other, WITHIN).result == "opened"
        if job is not None:
            assert on.jobs.ended(job, WITHIN).result == "opened"
            assert on.jobs.starts[job] == (1 if kill is kill_server else 2)
        assert on.jobs.starts[other] <= (1 if kill is kill_server else 2)
        until(lambda: len(worker_processes(on.places.data)) == 1, "there is not one worker")
        assert not on.jobs.running()
