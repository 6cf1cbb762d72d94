"""What a process asks of the kernel for itself and its children (prctl(2)); nothing without Linux."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

# linux/prctl.h and linux/capability.h
_SET_PARENT_DEATH_SIGNAL = 1
_SET_DUMPABLE = 4
_DROP_BOUNDING = 24
_SET_CHILD_SUBREAPER = 36
_VERSION_3 = 0x20080522
_TRACE, _ADMINISTER, _MEASURE = 19, 21, 38  # CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_PERFMON
_SETS = 3  # effective, permitted, inheritable: a word each for capabilities 0 to 31, then for the others
_WHOLE = 2**32 - 1


def set_dumpable(*, allowed: bool) -> None:
    """Let other processes of the user look into this one's memory and ``/proc`` entries, or not."""
    _prctl(_SET_DUMPABLE, int(allowed))


def die_with_parent(parent: int, signal: int) -> None:
    """Have the kernel send this process a signal when its parent is gone; it is sent now if it is."""
    _prctl(_SET_PARENT_DEATH_SIGNAL, signal)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal)


def adopt_orphans() -> None:
    """Become the parent of what this process's descendants leave behind, also of what hides by `setsid`."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def give_up_looking() -> None:
    """Lose, for good, the right to look into processes that may do more than this one.

    In a container that root has for itself each process may look into each other's memory and
    environment. Windmill's worker starts a job below a process (``tini``) whose environment holds
    the job's token; without these capabilities it is closed to this process and to all it begins.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    header, sets = (ctypes.c_uint32 * 2)(_VERSION_3, 0), (ctypes.c_uint32 * (2 * _SETS))()
    known = libc.capget(header, sets) == 0
    for capability in _lookers():
        libc.prctl(_DROP_BOUNDING, capability, 0, 0, 0)
        for index in range(_SETS):
            sets[capability // 32 * _SETS + index] &= ~(1 << capability % 32)
    if known:
        libc.capset(header, sets)


def _lookers() -> tuple[int, ...]:
    """Return the capabilities by which memory is read: since Linux 6.13 whoever may measure may read it too.

    To measure takes the capability, or that of an administrator, outside of user namespaces.
    """
    with suppress(OSError):
        if Path("/proc/self/uid_map").read_text(encoding="ascii").split() == ["0", "0", str(_WHOLE)]:
            return (_TRACE, _MEASURE, _ADMINISTER)
    return (_TRACE, _MEASURE)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
