"""Runs a program that is not trusted: confined, with an environment of its own, its output bounded."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from metaflow_windmill.process.leftovers import end_leftovers, expect_leftovers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CONFINE = Path(__file__).with_name("confine.py")
_TICK = 0.02
_SHOWN = 16_000


@dataclass(frozen=True)
class Confinement:
    """What a program may use.

    Parameters
    ----------
    seconds : int
        On the clock, and on the processor.
    megabytes : int
        Of memory, for each process.
    output : int
        Bytes on its standard output.
    apart : bool
        Whether it gets a PID namespace of its own, where the system allows that; see `weakness`.
    """

    seconds: int = 300
    megabytes: int = 4096
    output: int = 64 * 1024 * 1024
    apart: bool = True


@dataclass(frozen=True)
class Finished:
    """How the program ended.

    Parameters
    ----------
    status : int
        Its exit status; the negative number of a signal.
    output : bytes
        Its standard output.
    errors : str
        The end of its standard error.
    stopped : str
        Why it was stopped, as a clause; empty where it ended by itself.
    """

    status: int
    output: bytes
    errors: str
    stopped: str = ""


def run_confined(
    program: Sequence[str], *, directory: Path, environment: Mapping[str, str], confinement: Confinement
) -> Finished:
    """Run a program to its end, and end whatever it leaves running.

    Parameters
    ----------
    program : sequence of str
        The absolute path of the program, and its arguments.
    directory : Path
        Its working directory.
    environment : mapping of str to str
        All that it gets.
    confinement : Confinement
    """
    where = "apart" if confinement.apart else "beside"
    limits = [str(confinement.megabytes), str(confinement.seconds), where, "--"]
    before = expect_leftovers()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_CONFINE), *limits, *program],
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            stopped = _watch(process, out, err, confinement)
        finally:
            _end(process)
            end_leftovers(before)
        return Finished(process.returncode, _start(out, confinement.output), _tail(err), stopped)


@lru_cache(maxsize=1)
def weakness() -> str:
    """Return why a program cannot have a PID namespace of its own on this machine; nothing where it can.

    Without one, what the program leaves running is found and ended all the same, a moment later than by
    the kernel. Until then it may look at other processes of the same user.
    """
    program = [sys.executable, "-I", "-S", str(_CONFINE), "probe"]
    return subprocess.run(program, capture_output=True, text=True, check=False).stdout


def _watch(process: subprocess.Popen[bytes], out: BinaryIO, err: BinaryIO, confinement: Confinement) -> str:
    deadline = time.monotonic() + confinement.seconds
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_TICK)
        if os.fstat(out.fileno()).st_size > confinement.output:
            return f"it printed more than {confinement.output // (1024 * 1024)} MB"
        if os.fstat(err.fileno()).st_size > confinement.output:
            return f"it printed more than {confinement.output // (1024 * 1024)} MB of errors"
        if process.returncode is not None:
            return ""
        if time.monotonic() > deadline:
            return f"it took longer than {confinement.seconds} seconds"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process group, and with its first process the namespace."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _start(file: BinaryIO, most: int) -> bytes:
    file.seek(0)
    return file.read(most)


def _tail(file: BinaryIO) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _SHOWN))
    return file.read().decode(errors="replace")
