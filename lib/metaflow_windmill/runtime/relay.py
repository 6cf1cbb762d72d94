"""Waits for a child process, passing its output on as it comes and saving it from time to time."""

from __future__ import annotations

import math
import os
import selectors
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.runtime.fork import fork
from metaflow_windmill.runtime.logs import CHUNK, LogStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

POLL_SECONDS = 0.2
GRACE_SECONDS = 1.0
REST_FACTOR = 10.0


def run_child(
    body: Callable[[], int], streams: Sequence[LogStream], saver: Saver, until: float = math.inf
) -> int:
    """Run a function in a forked child and return its exit status, or minus the signal that ended it.

    Parameters
    ----------
    body : callable
        It returns the exit status.
    streams : sequence of LogStream
        For its standard output and its standard error.
    saver : Saver
        At work until the child has ended.
    until : float
        When it has to have ended, in seconds since 1970.

    Raises
    ------
    TimeoutError
        If it had not; it was killed then, with the processes that it began.
    """
    pipes = [os.pipe() for _ in streams]
    child = _Child(fork(body, *(write for _, write in pipes)))
    for _, write in pipes:
        os.close(write)
    try:
        with saver:  # its thread begins after the fork: a child must not inherit a lock that it holds
            _relay(child, {read: stream for (read, _), stream in zip(pipes, streams, strict=True)}, until)
            return child.wait(until)
    finally:
        child.kill()
        for (read, _), stream in zip(pipes, streams, strict=True):
            stream.flush()
            os.close(read)


@dataclass
class _Child:
    pid: int
    status: int | None = None

    def over(self) -> bool:
        return self.status is not None or self._reap(os.WNOHANG)

    def wait(self, until: float = math.inf) -> int:
        while self.status is None:
            if until == math.inf:
                self._reap(0)
            elif not self._reap(os.WNOHANG):
                _check_time(until)
                time.sleep(POLL_SECONDS)
        return self.status

    def kill(self) -> None:
        if not self.over():
            for pid in (self.pid, *_descendants(self.pid)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.wait()

    def _reap(self, flags: int) -> bool:
        pid, status = os.waitpid(self.pid, flags)
        if pid:
            self.status = os.waitstatus_to_exitcode(status)
        return bool(pid)


def _descendants(pid: int) -> Iterator[int]:
    """Go through the processes that a process began; through none where the kernel does not tell."""
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, file.read_text(encoding="ascii").split()):
                yield child
                yield from _descendants(child)


def _check_time(until: float) -> None:
    if time.time() >= until:
        raise TimeoutError


def _relay(child: _Child, streams: dict[int, LogStream], until: float) -> None:
    """Pass output on until its end; a process that outlives the child may hold the pipes open for ever."""
    quiet_since = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for read in streams:
            selector.register(read, selectors.EVENT_READ)
        while selector.get_map():
            _check_time(until)
            ready = selector.select(POLL_SECONDS)
            for key, _ in ready:
                data = os.read(key.fd, CHUNK)
                streams[key.fd].feed(data)
                if not data:
                    selector.unregister(key.fd)
            if ready or not child.over():
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > GRACE_SECONDS:
                return


class Saver:
    """Saves the logs of a running task in a thread, each time there is more of them.

    A save that takes long is followed by a rest in proportion, since each one writes everything
    again. One that fails is made up for by the next one.

    Parameters
    ----------
    save : callable
        Saves all that was logged.
    streams : sequence of LogStream
    """

    def __init__(self, save: Callable[[], None], streams: Sequence[LogStream]) -> None:
        self._save, self._streams = save, streams
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="save-logs", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        from metaflow.mflog import update_delay

        start, saved, wait = time.monotonic(), 0, update_delay(0)
        while not self._stop.wait(wait):
            began = time.monotonic()
            size = sum(stream.size() for stream in self._streams)
            if size != saved:
                with suppress(Exception):
                    self._save()
                    saved = size
            wait = max(update_delay(began - start), REST_FACTOR * (time.monotonic() - began))
