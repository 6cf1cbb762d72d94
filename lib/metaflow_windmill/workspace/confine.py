"""Gives up what a program that is not trusted must not have, and becomes that program.

Run as ``python -I -S confine.py <megabytes> <seconds> -- <program> <argument>...`` by `child`;
standard library only, since the interpreter may know nothing else.

Of root it takes every capability, for good: a process without them cannot look into the memory
or the environment of one that has them, as the job and Windmill's worker may. Any other user is
kept out of the job by the job itself (`metaflow_windmill.runtime.secrecy.set_dumpable`).
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

MEGABYTE = 1024 * 1024
MAX_FILE = 4096 * MEGABYTE

# linux/prctl.h and linux/capability.h
_SET_PARENT_DEATH_SIGNAL, _DROP_BOUNDING, _NO_NEW_PRIVILEGES, _AMBIENT, _CLEAR_ALL = 1, 24, 38, 47, 4
_VERSION_3 = 0x20080522
_MOST_CAPABILITIES = 64


def limit(megabytes: int, seconds: int) -> None:
    """Bound the memory of each process, its time on the processor and the size of its files."""
    for kind, most in (
        (resource.RLIMIT_AS, megabytes * MEGABYTE),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, MAX_FILE),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (wanted, wanted))


def give_up_privileges() -> None:
    """Drop all capabilities, also for programs run later, and die with the job."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_AMBIENT, _CLEAR_ALL, 0, 0, 0)
    for capability in range(_MOST_CAPABILITIES):
        libc.prctl(_DROP_BOUNDING, capability, 0, 0, 0)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    libc.capset(header, nothing)


def main(words: list[str]) -> None:
    """Confine this process and run the program in its place."""
    megabytes, seconds, _, *program = words
    limit(int(megabytes), int(seconds))
    give_up_privileges()
    os.execve(program[0], program, os.environ)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
