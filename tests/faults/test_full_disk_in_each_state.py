"""The disk is full in each state of a worker's life, and then somebody dies: nothing hangs or is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.server import end_server, start_server, wait_until
from tests.support.worker_processes import worker_processes

from metaflow_windmill.devserver.runner.files import Places, read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")

SIZE = "24m"
STAYS_FULL = 1.3
"""Seconds: longer than whoever cannot store something waits before it tries again."""
WITHIN = 60.0
WORKS = """
import pathlib, time
def main(started, gate):
    with open(started, "a") as file:
        file.write("x")
    while not pathlib.Path(gate).exists():
        time.sleep(0.02)
    return "opened" * 2000
"""
RESULT = "opened" * 2000


class Stand:
    """A server with one worker, its data on a small disk; what jobs note down is elsewhere."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.disk = directory, directory / "disk"
        self.server = start_server(self.disk, 1)
        self.anew()

    def anew(self) -> None:
        """Let the jobs from now on have a gate of their own."""
        mine = self.directory / str(time.monotonic_ns())
        self.started, self.gate = mine.with_suffix(".started"), mine.with_suffix(".gate")

    @property
    def data(self) -> Path:
        return self.server.data

    def add(self) -> str:
        """Ask for a job that waits for its gate."""
        args = {"started": str(self.started), "gate": str(self.gate)}
        body = {"content": WORKS, "language": "python3", "args": args, "lock": ""}
        job: str = self.server.post("/jobs/run/preview", body)
        return job

    def starts(self) -> int:
        return len(self.started.read_text()) if self.started.exists() else 0

    def fill(self) -> None:
        """Leave no room on the disk."""
        for size in (1 << 16, 1):
            with (self.disk / "filler").open("ab", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(b"x" * size)

    def free(self) -> None:
        (self.disk / "filler").unlink()

    def worker(self) -> int:
        (process,) = worker_processes(self.data)
        return process

    def kill_server(self) -> None:
        self.server.process.kill()
        self.server.process.wait()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    directory = tmp_path_factory.mktemp("full")
    disk = directory / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode()}")
    try:
        made = Stand(directory)
        yield made
        end_server(made.server)
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.fixture
def stand(house: Stand) -> Iterator[Stand]:
    house.anew()
    yield house
    house.gate.touch()


def started(on: Stand) -> None:
    """A worker was started, and has not said hello."""
    wait_until(lambda: worker_processes(on.data), WITHIN, "no worker was started")
    os.kill(on.worker(), signal.SIGKILL)  # the next one is started on the full disk


def idle(on: Stand) -> None:
    """A worker waits for a job."""
    on.server.finished(quick(on))


def given(on: Stand) -> str:
    """A worker was given a job, and has not begun it."""
    idle(on)
    os.kill(on.worker(), signal.SIGSTOP)
    job = on.add()
    wait_until(lambda: on.server.get(f"/jobs_u/get/{job}").get("running"), WITHIN, "it was not given out")
    return job


def running(on: Stand) -> str:
    """A worker runs a job."""
    job = on.add()
    process = Places(on.data).process(job)  # a job may begin before its worker has noted it
    wait_until(lambda: on.starts() and process.exists(), WITHIN, "the job did not begin")
    return job


def ended(on: Stand) -> str:
    """A worker's job has ended, and the worker has told nobody."""
    job = running(on)
    os.kill(on.worker(), signal.SIGSTOP)
    end(on, job)
    return job


def end(on: Stand, job: str) -> None:
    """Let a job that runs end, and wait until its process has."""
    group = read_json(Places(on.data).process(job))["group"]
    on.gate.touch()
    wait_until(lambda: is_over(group), WITHIN, "the job did not end")


def is_over(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def while_full(on: Stand, do: Callable[[Stand], None]) -> None:
    """Have the disk full for a while, and something happen then."""
    on.fill()
    do(on)
    time.sleep(STAYS_FULL)
    on.free()
    if on.server.process.poll() is not None:
        on.server = start_server(on.disk, 1)


def quick(on: Stand) -> str:
    body = {"content": "def main():\n    pass\n", "language": "python3", "args": {}, "lock": ""}
    job: str = on.server.post("/jobs/run/preview", body)
    return job


def nobody(on: Stand) -> None:
    for process in worker_processes(on.data):
        os.kill(process, signal.SIGCONT)


def worker(on: Stand) -> None:
    for process in worker_processes(on.data):
        os.kill(process, signal.SIGKILL)


def server(on: Stand) -> None:
    on.kill_server()
    nobody(on)


def both(on: Stand) -> None:
    on.kill_server()
    worker(on)


@pytest.mark.parametrize("dies", [nobody, worker, server, both], ids=lambda dies: dies.__name__)
@pytest.mark.parametrize("state", [started, idle, given, running, ended], ids=lambda state: state.__name__)
def test_nothing_hangs_is_lost_or_counted_twice(
    stand: Stand, state: Callable[[Stand], str | None], dies: Callable[[Stand], None]
) -> None:
    job = state(stand)
    while_full(stand, dies)
    stand.gate.touch()
    if job is not None:
        assert stand.server.finished(job, WITHIN)["result"] == RESULT
        twice = dies in (worker, both) and state is not given
        assert stand.starts() == (2 if twice else 1)
    assert stand.server.finished(stand.add(), WITHIN)["result"] == RESULT
    wait_until(lambda: len(worker_processes(stand.data)) == 1, WITHIN, "there is not one worker")
    assert stand.server.get("/jobs/queue/count")["database_length"] == 0


def test_a_job_that_ends_while_the_disk_is_full_says_so(stand: Stand) -> None:
    job = running(stand)
    while_full(stand, lambda on: end(on, job))
    done = stand.server.finished(job, WITHIN)
    assert (done["success"], stand.starts()) == (False, 1)
    assert "no space left on device" in done["result"]["error"]["message"]


def test_a_server_that_starts_while_the_disk_is_full_works_once_there_is_space(stand: Stand) -> None:
    stand.kill_server()
    stand.fill()
    stand.server = start_server(stand.disk, 1)
    stand.free()
    assert stand.server.finished(quick(stand), WITHIN)["success"]
