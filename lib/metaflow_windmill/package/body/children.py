"""Children that keep the token to themselves, so that this process can forget it."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaflow_windmill.package.body.failures import UntoldError
from metaflow_windmill.package.body.windmill_api import REFUSALS, answer

if TYPE_CHECKING:
    from collections.abc import Callable

DRAINING = "METAFLOW_WINDMILL_DRAINING"
"""Where the file is that appears once this job's worker is to end: for `metaflow_windmill.draining`."""
LOOK_EVERY = 5.0
"""Seconds between two questions whether the worker is to end."""


def later(function: Callable[[], Any]) -> Callable[[], Any]:
    """Begin a child that knows what this process knows now; return what asks it for what a function returns.

    So this process can forget the token before it runs anything else, and none of what the child needs
    stays in its memory. The child ends with this process, and answers once.
    """
    (asked_for, ask), (read, write) = os.pipe(), os.pipe()
    parent, pid = os.getpid(), os.fork()
    if pid == 0:
        try:
            os.close(ask)
            os.close(read)
            end_with(parent)
            if os.read(asked_for, 1):
                os.write(write, json.dumps({"said": function()}).encode())
        except UntoldError as why:
            os.write(write, json.dumps({"error": str(why)}).encode())
        finally:
            os._exit(0)
    os.close(asked_for)
    os.close(write)
    return lambda: answer_of(pid, ask, read)


def watch_worker(token: str) -> None:
    """Begin a child that asks now and then whether this worker is to end, and leaves a file where it is.

    The task looks for the file; the token is in the child alone, which ends with this process.
    """
    file = Path.cwd() / "draining"
    os.environ[DRAINING] = str(file)
    parent = os.getpid()
    if os.fork() == 0:
        try:
            end_with(parent)
            look_until_it_drains(token, file)
        finally:
            os._exit(0)


def look_until_it_drains(token: str, file: Path) -> None:
    """Ask until the worker is to end, or the server does not tell."""
    while True:
        time.sleep(LOOK_EVERY)
        try:
            if answer(f"jobs/worker_is_draining/{os.environ.get('WM_JOB_ID')}", token) is True:
                file.touch()
                return
        except (OSError, ValueError) as why:
            if getattr(why, "code", None) in REFUSALS:
                return


def end_with(parent: int) -> None:
    """Have this process killed when its parent ends, even if somebody else could still ask it."""
    if sys.platform == "linux":
        set_pdeathsig, kill = 1, 9  # linux/prctl.h
        ctypes.CDLL(None).prctl(set_pdeathsig, kill, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def answer_of(pid: int, ask: int, read: int) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Ask a child, wait for its end, and return what it says; None if it was ended by somebody else."""
    with contextlib.suppress(BrokenPipeError):
        os.write(ask, b"?")
    os.close(ask)
    with os.fdopen(read, "rb") as told:
        said = json.loads(told.read() or b"{}")
    os.waitpid(pid, 0)
    if "error" in said:
        raise UntoldError(said["error"])
    return said.get("said")
