"""Takes the job's token out of the process, so that user code never sees it.

Windmill gives each job a token that can do whatever the user who deployed or ran the flow can.
Removing it from ``os.environ`` is not enough: the memory that the process was started with
stays readable, as ``/proc/<pid>/environ``, to every process of the same user, the task's own
children among them.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from pathlib import Path

from metaflow_windmill.process.control import set_dumpable

TOKEN = "WM_TOKEN"  # noqa: S105 (a name)
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
