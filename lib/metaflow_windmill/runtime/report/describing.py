"""Texts of a task's values, made in a process of their own while the task saves them.

Only the task's process has the values and their classes. What a class says of itself may hang, crash,
fill the memory or print: so it is asked in a fork of that process, which has little time and no output.
"""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import select
import signal
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.process.control import die_with_parent
from metaflow_windmill.runtime.report.value_text import is_plain, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from metaflow_windmill.runtime.output.masking import Mask

SECONDS = 2.0
"""For all values, from the moment at which the process is begun."""
ONE_SECONDS = 0.5
MOST = 100
"""Values that are described."""
MEMORY = 512 << 20
"""Bytes that the process may take more than its parent has."""


@dataclass(frozen=True)
class Describing:
    """A process that makes texts.

    Parameters
    ----------
    pid : int
    pipe : int
        Where they come from: a line of JSON for each.
    end : float
        When it has to be over, by the monotonic clock.
    """

    pid: int
    pipe: int
    end: float

    def texts(self) -> dict[str, str]:
        """Return the texts that are there in time, by the values' names, and end the process."""
        try:
            said = self._said()
        finally:
            os.close(self.pipe)
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
        lines = said.rpartition(b"\n")[0].splitlines()
        return dict(json.loads(line) for line in lines)

    def _said(self) -> bytes:
        said = b""
        while (left := self.end - time.monotonic()) > 0 and select.select([self.pipe], [], [], left)[0]:
            data = os.read(self.pipe, 1 << 16)
            if not data:
                break
            said += data
        return said


def describe(values: Mapping[str, object], mask: Mask, seconds: float = SECONDS) -> Describing:
    """Begin to make the texts of some values, those first that no foreign class has a say in.

    Parameters
    ----------
    values : mapping of str to object
    mask : Mask
    seconds : float
        In which it must be done.
    """
    read, write = os.pipe()
    parent, ordered = os.getpid(), sorted(values.items(), key=lambda item: not is_plain(item[1]))[:MOST]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the process has threads: nothing of them is used
        pid = os.fork()
    if pid == 0:
        try:
            die_with_parent(parent, signal.SIGKILL)
            _tell(ordered, mask, write)
        finally:
            os._exit(0)
    os.close(write)
    return Describing(pid, read, time.monotonic() + seconds)


def _tell(values: list[tuple[str, object]], mask: Mask, pipe: int) -> None:
    faulthandler.disable()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    for name, value in values:
        tell = partial(_say, pipe, name, value, mask)
        if is_plain(value):
            tell()
        else:
            _apart(tell)


def _say(pipe: int, name: str, value: object, mask: Mask) -> None:
    with suppress(Exception):
        os.write(pipe, json.dumps([name, shown(value, mask)]).encode() + b"\n")


def _apart(tell: Callable[[], None]) -> None:
    """Ask a foreign class in a process of its own, which the kernel ends when its time is over."""
    parent, pid = os.getpid(), os.fork()
    if pid == 0:
        try:
            die_with_parent(parent, signal.SIGKILL)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, ONE_SECONDS)
            tell()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
