"""Runs a piece of this program in a forked child, as if it were a program of its own."""

from __future__ import annotations

import atexit
import io
import os
import signal
import sys
import threading
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from metaflow_windmill.process.control import die_with_parent, set_dumpable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from _typeshed import ReadableBuffer


@contextmanager
def interrupts_held_back() -> Iterator[Collection[int]]:
    """Take Ctrl-C and SIGTERM at the end of the block only.

    Python runs `os.register_at_fork`'s functions where nobody can catch what a signal's handler raises:
    an interrupt that comes while they run would be forgotten, and its child waited for.

    Yields
    ------
    collection of int
        The signals that were held back before: for `fork`.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def fork(body: Callable[[], int], held_back: Collection[int], stdout: int, stderr: int) -> int:
    """Start a child and return its process id.

    Parameters
    ----------
    body : callable
        What the child does; it returns the exit status.
    held_back : collection of int
        The signals that it does not take.
    stdout, stderr : int
        File descriptors for its output.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        die_with_parent(parent, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_SETMASK, held_back)
        set_dumpable(allowed=True)  # the token is gone, and /dev/stdout and the like need it
        _redirect(stdout, stderr)
        _leave(_status(body))
    finally:
        os._exit(1)  # nothing of the parent's may run here


def _redirect(stdout: int, stderr: int) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (stdout, 1), (stderr, 2)):
        os.dup2(source, target)
        if source > 2:  # noqa: PLR2004 (a standard stream of this process may have been closed)
            os.close(source)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout, sys.stderr = _text(1, "strict"), _text(2, "backslashreplace")
    vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr)


class _Unbuffered(io.BufferedWriter):
    """Writes at once, and all of it: a raw file may write a part only, when a signal comes in between."""

    def write(self, data: ReadableBuffer, /) -> int:
        written = super().write(data)
        self.flush()
        return written


def _text(descriptor: int, errors: str) -> io.TextIOWrapper:
    binary = _Unbuffered(io.FileIO(descriptor, "wb", closefd=False))
    return io.TextIOWrapper(binary, encoding="utf-8", errors=errors, line_buffering=True)


def _status(body: Callable[[], int]) -> int:
    try:
        return body()
    except BaseException:  # noqa: BLE001 (the last resort of a process)
        traceback.print_exc()
        return 1


def _leave(status: int) -> NoReturn:
    """End as an interpreter ends: wait for threads, run the exit handlers, flush; then go at once."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001
        atexit._run_exitfuncs()  # noqa: SLF001
    except BaseException:  # noqa: BLE001 (a user's exit handler)
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)
