"""Where the runner keeps what it must find again after a restart, and who is still alive."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow_windmill.types import Json


LONGEST_ADDRESS = 100
"""Bytes; systems allow 103 to 107 for the address of a Unix socket."""


@dataclass(frozen=True)
class Places:
    """The runner's part of the data directory.

    Parameters
    ----------
    data : Path
        The server's data directory.
    """

    data: Path

    @property
    def socket(self) -> Path:
        """Where workers find the server: in the data directory, unless that is too deep for a socket."""
        near = self.data / "workers.sock"
        if len(os.fsencode(near)) <= LONGEST_ADDRESS:
            return near
        digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"metaflow-windmill-{os.getuid()}-{digest}" / "workers.sock"

    @property
    def programs(self) -> Path:
        """Where programs are that jobs find besides those of the machine."""
        return self.data / "programs"

    def job(self, job_id: str) -> Path:
        """Return the private directory of a job."""
        return self.data / "jobs" / job_id

    def log(self, job_id: str) -> Path:
        """Return the log file of a job."""
        return self.data / "logs" / f"{job_id}.log"

    def worker_lock(self, name: str) -> Path:
        """Return the file that a worker keeps locked as long as it lives."""
        return self.data / "workers" / f"{name}.lock"

    def outcome(self, job_id: str) -> Path:
        """Return the file that tells how a job ended, until the server has taken it."""
        return self.job(job_id) / "outcome.json"

    def process(self, job_id: str) -> Path:
        """Return the file that names the worker and the process group of a job."""
        return self.job(job_id) / "process.json"


def write_json(path: Path, value: Json) -> None:
    """Write a file so that it is there whole or not at all."""
    beside = path.with_name(path.name + ".new")
    beside.write_text(json.dumps(value), encoding="utf-8")
    beside.replace(path)


def read_json(path: Path) -> Json:
    """Return what a file holds; None where it is absent or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def hold(path: Path) -> IO[str]:
    """Lock a file for as long as the returned file is open, which is at most the process's life."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("w", encoding="utf-8")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def await_release(path: Path) -> None:
    """Wait until no process holds the lock."""
    try:
        with path.open("r", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
    except FileNotFoundError:
        return


def held(path: Path) -> bool:
    """Tell whether a process holds the lock; unlike a process number, a lock is never somebody else's."""
    try:
        with path.open("r", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def runs_in(pid: int, directory: Path) -> bool:
    """Tell whether a process has its working directory there; True where the system cannot tell."""
    link = Path("/proc") / str(pid) / "cwd"
    if not Path("/proc/self").exists():
        return True
    try:
        return link.readlink() == directory.resolve()
    except OSError:
        return False
