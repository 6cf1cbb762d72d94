"""Takes the job's token out of the process, so that user code never sees it.

Windmill gives each job a token that can do whatever the user who deployed or ran the flow can.
Removing it from ``os.environ`` is not enough: the memory that the process was started with
stays readable, as ``/proc/<pid>/environ``, to every process of the same user, the task's own
children among them.
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

TOKEN = "WM_TOKEN"  # noqa: S105 (a name)
_SET_PARENT_DEATH_SIGNAL = 1  # linux/prctl.h
_SET_DUMPABLE = 4
_ENV_START, _ENV_END = 49, 50  # fields of /proc/self/stat, from 0; see proc(5)


def take_token() -> str:
    """Return the token, or nothing, and leave no trace of it in the environment."""
    token = os.environ.get(TOKEN, "")
    with suppress(AttributeError, OSError, ValueError):
        _overwrite_current()
        _overwrite_initial()
    os.environ.pop(TOKEN, None)
    set_dumpable(allowed=False)
    return token


def set_dumpable(*, allowed: bool) -> None:
    """Let other processes of the user look into this one's memory and ``/proc`` entries, or not."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, int(allowed), 0, 0, 0)


def die_with_parent(parent: int, signal: int) -> None:
    """Have the kernel send this process a signal when its parent is gone; it is sent now if it is."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal)


def _overwrite_current() -> None:
    """Overwrite the value where C's `getenv` finds it now."""
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_void_p
    address = getenv(TOKEN.encode())
    if address:
        ctypes.memset(address, 0, len(ctypes.string_at(address)))


def _overwrite_initial() -> None:
    """Overwrite the value in the block that the process was started with, which `putenv` never changes."""
    stat = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace")
    fields = stat.rpartition(")")[2].split()  # the name of the program may hold blanks
    start, end = (int(fields[index - 2]) for index in (_ENV_START, _ENV_END))
    block, name = ctypes.string_at(start, end - start), f"{TOKEN}=".encode()
    at = 0 if block.startswith(name) else block.find(b"\0" + name) + 1
    if block.startswith(name, at):
        value = at + len(name)
        stop = block.find(b"\0", value)
        ctypes.memset(start + value, 0, (stop if stop >= 0 else len(block)) - value)
