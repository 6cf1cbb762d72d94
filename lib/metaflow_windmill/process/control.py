"""What a process asks of the kernel for itself and its children (prctl(2)); nothing without Linux."""

from __future__ import annotations

import ctypes
import os
import select
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# linux/prctl.h
_SET_PARENT_DEATH_SIGNAL = 1
_SET_DUMPABLE = 4
_SET_CHILD_SUBREAPER = 36


def set_dumpable(*, allowed: bool) -> None:
    """Let other processes of the user look into this one's memory and ``/proc`` entries, or not."""
    _prctl(_SET_DUMPABLE, int(allowed))


def die_with_parent(parent: int, signal: int) -> None:
    """Have the kernel send this process a signal when its parent is gone; it is sent now if it is."""
    _prctl(_SET_PARENT_DEATH_SIGNAL, signal)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal)


def adopt_orphans(*, wanted: bool = True) -> None:
    """Become the parent of what this process's descendants leave behind, also of what hides by `setsid`."""
    _prctl(_SET_CHILD_SUBREAPER, int(wanted))


def reader_is_gone(descriptor: int) -> bool:
    """Tell whether a descriptor is a pipe that nobody can read from any more; nothing has to be written."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


@contextmanager
def end_of(child: int) -> Iterator[Callable[[float], object]]:
    """Yield what waits for a child's end, so many seconds at most; all of them where none can tell."""
    try:
        descriptor = os.pidfd_open(child)
    except (AttributeError, OSError):  # another system, or an older kernel
        yield time.sleep
        return
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    try:
        yield lambda seconds: poll.poll(1000 * seconds)
    finally:
        os.close(descriptor)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
