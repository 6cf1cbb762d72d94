"""Gives up what a program that is not trusted must not have, and runs that program.

Run by `confined` as ``python -I -S confine.py <megabytes> <seconds> apart|beside -- <program>
<argument>...``; standard library only, since the interpreter may know nothing else.

``apart`` is in a PID namespace of its own, where the system allows it: the program sees no other
process, and whatever it began ends with it, by the kernel. ``confine.py probe`` says on its
standard output why that cannot be, or nothing if it can.

Of root it takes every capability, for good: a process without them cannot look into the memory
or the environment of one that has them, as the job and Windmill's worker may. Any other user is
kept out of the job by the job itself (`metaflow_windmill.process.control.set_dumpable`).
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import struct
import sys
from contextlib import suppress
from pathlib import Path

MEGABYTE = 1024 * 1024
MAX_FILE = 4096 * MEGABYTE

# linux/prctl.h and linux/capability.h
_SET_PARENT_DEATH_SIGNAL, _DROP_BOUNDING, _NO_NEW_PRIVILEGES, _AMBIENT, _CLEAR_ALL = 1, 24, 38, 47, 4
_VERSION_3 = 0x20080522
_MOST_CAPABILITIES = 64
# linux/sched.h and linux/mount.h
_NEW_MOUNTS, _NEW_USER, _NEW_PIDS = 0x00020000, 0x10000000, 0x20000000
_NO_SETUID, _NO_DEVICES, _NO_EXECUTABLES, _RECURSIVE, _PRIVATE = 2, 4, 8, 16384, 1 << 18


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


def die_with_parent() -> None:
    """Have the kernel end this process when its parent is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)


def give_up_privileges() -> None:
    """Drop all capabilities, also for programs run later."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_AMBIENT, _CLEAR_ALL, 0, 0, 0)
    for capability in range(_MOST_CAPABILITIES):
        libc.prctl(_DROP_BOUNDING, capability, 0, 0, 0)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    libc.capset(header, nothing)


def set_apart() -> str:
    """Put the children of this process into a PID namespace of their own; return why that cannot be.

    Root may do so; other users may where they can have a user namespace, in which they stay who they are.
    """
    if sys.platform != "linux":
        return f"{sys.platform} has no PID namespaces"
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_NEW_PIDS | _NEW_MOUNTS) == 0:
        return ""
    if libc.unshare(_NEW_USER | _NEW_PIDS | _NEW_MOUNTS):
        return os.strerror(ctypes.get_errno())
    _map("setgroups", "deny")
    _map("uid_map", f"{user} {user} 1")
    _map("gid_map", f"{group} {group} 1")
    return ""


def _map(name: str, text: str) -> None:
    with suppress(OSError):  # what is not mapped is shown as nobody's, and its rights are as before
        Path(f"/proc/self/{name}").write_text(text, encoding="ascii")


def show_own_processes() -> None:
    """Mount a ``/proc`` with the processes of this namespace only; it stays as it is if that cannot be."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mount(b"none", b"/", None, _RECURSIVE | _PRIVATE, None)
    libc.mount(b"proc", b"/proc", b"proc", _NO_SETUID | _NO_DEVICES | _NO_EXECUTABLES, None)


def run_apart(program: list[str]) -> int:
    """Run a program in the new namespace; return how it ended, as `os.wait` tells it."""
    read, write = os.pipe()
    first = os.fork()
    if first == 0:
        os.close(read)
        _be_first(program, write)
    os.close(write)
    said = os.read(read, 4)
    _, status = os.waitpid(first, 0)
    return struct.unpack("i", said)[0] if len(said) == 4 else status  # noqa: PLR2004 (a C int)


def _be_first(program: list[str], told: int) -> None:
    """Be process 1: run the program, bury what is orphaned, and end, with all else, when it has ended."""
    try:
        show_own_processes()
        give_up_privileges()
        die_with_parent()
        if _has_no_reader(told):  # the parent was gone before it could be asked for
            return
        pid = os.fork()
        if pid == 0:
            os.close(told)
            os.execve(program[0], program, os.environ)  # noqa: S606 - no shell is wanted
        ended = status = 0
        while ended != pid:
            ended, status = os.wait()
        os.write(told, struct.pack("i", status))
    finally:
        os._exit(1)


def _has_no_reader(pipe: int) -> bool:
    poll = select.poll()
    poll.register(pipe, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def end_as(status: int) -> None:
    """End this process as another one ended."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code not in {signal.SIGKILL, signal.SIGSTOP} else None
        os.kill(os.getpid(), -code)
    sys.exit(code if code >= 0 else 1)


def main(words: list[str]) -> None:
    """Confine this process and run the program in its place, or below it."""
    if words == ["probe"]:
        print(set_apart(), end="")
        return
    megabytes, seconds, where, _, *program = words
    limit(int(megabytes), int(seconds))
    die_with_parent()
    if where != "apart" or set_apart():
        give_up_privileges()
        os.execve(program[0], program, os.environ)  # noqa: S606 - no shell is wanted
    end_as(run_apart(program))


if __name__ == "__main__":
    main(sys.argv[1:])
