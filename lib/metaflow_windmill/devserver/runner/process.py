"""One job as a process group: started, awaited, killed whole, and its end put into words."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Literal, Protocol

from metaflow_windmill.devserver.model import Outcome
from metaflow_windmill.devserver.runner.files import read_json
from metaflow_windmill.process.leftovers import end_leftovers, expect_leftovers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from metaflow_windmill.types import Json

UMASK = 0o022
"""Of a job, as on a worker: what it writes elsewhere may be for others to read."""
TAIL_BYTES = 4000
TAIL_LINES = 20
LITTLE = 1 << 16
"""Bytes; on a disk with fewer a job can write neither its result nor what went wrong."""
FULL = "no space left on device, where the server has its data: free some, and run it again"
LIMIT = "timeout after exceeding job-specific duration limit"
Killed = Literal["timeout", "canceled", "stopped"]


@dataclass(frozen=True)
class End:
    """How the process ended: its status as `os.waitstatus_to_exitcode` gives it, and who killed it."""

    code: int
    memory_kb: int = 0
    killed: Killed | None = None


class Started(Protocol):
    """A process that was started: its number, and a place for its status once it was awaited."""

    pid: int
    returncode: int | None


class Launch(Protocol):
    """Starts a process in a session of its own, with nothing of this one's environment."""

    def __call__(
        self, command: Sequence[str], directory: Path, environment: dict[str, str], output: IO[bytes]
    ) -> Started:
        """Start a command; output and errors go to a file."""


def spawned(
    command: Sequence[str], directory: Path, environment: dict[str, str], output: IO[bytes]
) -> Started:
    """Start a command as a new program; implements `Launch`."""
    return subprocess.Popen(
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        umask=UMASK,
    )


class JobProcess:
    """A running job.

    Parameters
    ----------
    command : sequence of str
    directory : Path
        The working directory.
    environment : dict of str to str
        All of the environment: nothing is inherited.
    log : Path
        Output and errors are appended to it.
    timeout : int or None
        Seconds.
    launch : Launch
        How it is started.
    """

    def __init__(
        self,
        command: Sequence[str],
        directory: Path,
        environment: dict[str, str],
        log: Path,
        timeout: int | None = None,
        *,
        launch: Launch = spawned,
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._before = expect_leftovers()
        with log.open("ab") as output:
            self._process = launch(command, directory, environment, output)
        self._killed: Killed | None = None
        self._lock = threading.Lock()
        self._over = False
        self._timer = threading.Timer(timeout, self.kill, ["timeout"]) if timeout else None
        if self._timer:
            self._timer.daemon = True
            self._timer.start()

    @property
    def group(self) -> int:
        """The number of its process group, which is that of its first process."""
        return self._process.pid

    def kill(self, why: Killed) -> None:
        """Kill the whole group at once."""
        with self._lock:
            if not self._over:
                self._killed = self._killed or why
                kill_group(self.group)

    def wait(self) -> End:
        """Wait for the first process, end what it left behind, and return how it ended."""
        _, status, usage = os.wait4(self.group, 0)
        with self._lock:
            self._over = True
            kill_group(self.group)
        end_leftovers(self._before)  # a real worker's job has a PID namespace, which ends all that it began
        if self._timer:
            self._timer.cancel()
        self._process.returncode = os.waitstatus_to_exitcode(status)
        return End(self._process.returncode, usage.ru_maxrss, self._killed)


def kill_group(group: int) -> None:
    """Kill every process of a group; nothing happens where there is none."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def outcome(end: End, directory: Path, log: Path, step: str | None) -> Outcome:
    """Return how a job ended, in Windmill's words where the recorded ones are known.

    Parameters
    ----------
    end : End
    directory : Path
        Of the job; ``result.json`` is there if the script got that far.
    log : Path
        Its last lines are quoted where the script left no error of its own.
    step : str or None
        The id of the flow's module.
    """
    result = read_json(directory / "result.json")
    preprocessed = read_json(directory / "preprocessed.json")
    if end.killed is None and end.code == 0:
        if result is None and not (directory / "result.json").exists():
            return _failed(end, "InternalErr", "Result of job is invalid json (empty)", None)
        return Outcome(success=True, result=result, memory_kb=end.memory_kb, args=preprocessed)
    if end.killed is None and isinstance(result, dict) and "name" in result:
        return Outcome(success=False, result={"error": result}, memory_kb=end.memory_kb, args=preprocessed)
    why = explain(end, tail(log))
    return _failed(
        end, "ExecutionErr", f"{why}; {FULL}" if end.code > 0 and is_full(directory) else why, step
    )


def is_full(directory: Path) -> bool:
    """Tell whether the disk of a directory has no room for a job's words."""
    with suppress(OSError):
        return shutil.disk_usage(directory).free < LITTLE
    return False


def explain(end: End, last_lines: str) -> str:
    """Say why a process is gone that left no error behind."""
    if end.killed == "timeout":
        return f"execution error:\njob process terminated due to {LIMIT}"
    if end.killed == "canceled":
        return "job process terminated because the job was canceled"
    if end.killed == "stopped":
        return "job process terminated because the server was stopped"
    if end.code < 0:
        name = signal.Signals(-end.code).name
        hint = ", perhaps because memory ran out" if name == "SIGKILL" else ""
        why = f"the process was ended by {name}{hint}"
    else:
        why = f"the process ended with exit code {end.code}"
    return f"{why}; the last lines of its log: {last_lines}" if last_lines else why


def tail(log: Path) -> str:
    """Return the last lines of a log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-TAIL_LINES:])


def _failed(end: End, name: str, message: str, step: str | None) -> Outcome:
    error: Json = {"message": message, "name": name}
    if step:
        error["step_id"] = step
    if end.code > 0:
        error["exit_code"] = end.code
    return Outcome(success=False, result={"error": error}, memory_kb=end.memory_kb)
