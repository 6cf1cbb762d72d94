"""The job's token is taken away, and nothing that runs later can find it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path

TOKEN = "WM_TOKEN"  # noqa: S105 (a name)


def take_token() -> str:
    """Return the job's token, or nothing, and leave no trace of it that user code could find.

    Removing it from ``os.environ`` is not enough: the memory that a process was started with stays
    readable, as ``/proc/<pid>/environ``, to every process of the same user.
    """
    token = os.environ.get(TOKEN, "")
    with contextlib.suppress(AttributeError, OSError, ValueError):
        overwrite_current()
        overwrite_initial()
    os.environ.pop(TOKEN, None)
    if sys.platform == "linux":
        give_up_looking(ctypes.CDLL(None))
    return token


def overwrite_current() -> None:
    """Overwrite the value where C's `getenv` finds it now."""
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_void_p
    address = getenv(TOKEN.encode())
    if address:
        ctypes.memset(address, 0, len(ctypes.string_at(address)))


def overwrite_initial() -> None:
    """Overwrite the value in the block that the process was started with, which `putenv` never changes."""
    stat = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace")
    fields = stat.rpartition(")")[2].split()  # the name of the program may hold blanks
    start, end = (int(fields[index - 2]) for index in (49, 50))  # env_start, env_end of proc(5), from 0
    block, name = ctypes.string_at(start, end - start), f"{TOKEN}=".encode()
    at = 0 if block.startswith(name) else block.find(b"\0" + name) + 1
    if block.startswith(name, at):
        value = at + len(name)
        stop = block.find(b"\0", value)
        ctypes.memset(start + value, 0, (stop if stop >= 0 else len(block)) - value)


def give_up_looking(libc: ctypes.CDLL) -> None:
    """Shut this process to others of its user, and lose, for good, the right to look into them.

    In a container that root has for itself each process may look into each other's memory and
    environment. Windmill's worker starts a job below a process (``tini``) whose environment holds
    the token; without these capabilities it is closed to this process and to all it begins.
    """
    # linux/prctl.h and linux/capability.h
    set_dumpable, drop_bounding, version_3, sets = 4, 24, 0x20080522, 3
    libc.prctl(set_dumpable, 0, 0, 0, 0)
    header, held = (ctypes.c_uint32 * 2)(version_3, 0), (ctypes.c_uint32 * (2 * sets))()
    known = libc.capget(header, held) == 0
    for capability in looking():
        libc.prctl(drop_bounding, capability, 0, 0, 0)
        for index in range(sets):
            held[capability // 32 * sets + index] &= ~(1 << capability % 32)
    if known:
        libc.capset(header, held)


def looking() -> tuple[int, ...]:
    """Return the capabilities by which memory is read: since Linux 6.13 whoever may measure may read it too.

    To measure takes a capability of its own, or that of an administrator, outside of user namespaces.
    """
    trace, administer, measure = 19, 21, 38  # CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_PERFMON
    with contextlib.suppress(OSError):
        if Path("/proc/self/uid_map").read_text(encoding="ascii").split() == ["0", "0", str(2**32 - 1)]:
            return (trace, measure, administer)
    return (trace, measure)
