"""Runs a function in a forked child, passing its output on as it comes, and ends all that it began."""

from __future__ import annotations

import math
import os
import selectors
import time
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from metaflow_windmill.process.control import end_of
from metaflow_windmill.process.fork import fork, interrupts_held_back
from metaflow_windmill.process.leftovers import end_leftovers, expect_leftovers, kill_tree, leftovers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from contextlib import AbstractContextManager

Check: TypeAlias = "Callable[[], None] | None"

POLL_SECONDS = 0.2
GRACE_SECONDS = 1.0
"""How long what a child left running may go on: long enough for a `tee` to write its last lines."""
_CHUNK = 1 << 16


class Sink(Protocol):
    """Takes what a child writes to one of its outputs."""

    def feed(self, data: bytes) -> None:
        """Take a part of it."""

    def pause(self) -> None:
        """Know that some time has passed since the last call."""

    def flush(self) -> None:
        """Know that there is no more of it."""


def run_child(
    body: Callable[[], int],
    sinks: Sequence[Sink],
    meanwhile: AbstractContextManager[None] | None = None,
    until: float = math.inf,
    check: Check = None,
) -> int:
    """Run a function in a forked child and return its exit status, or minus the signal that ended it.

    Nothing that the child began is running afterwards, whatever session it went to.

    Parameters
    ----------
    body : callable
        It returns the exit status.
    sinks : sequence of Sink
        For its standard output and its standard error.
    meanwhile : context manager
        Entered after the fork, since a child must not inherit a lock that a thread of it holds, and left
        when the child has ended.
    until : float
        When the child has to have ended, in seconds since 1970.
    check : callable, optional
        Called several times a second; what it raises ends the child.

    Raises
    ------
    TimeoutError
        If it had not; it was killed then.
    """
    before = expect_leftovers()
    pipes = [os.pipe() for _ in sinks]
    open_ends = {read: sink for (read, _), sink in zip(pipes, sinks, strict=True)}
    with ExitStack() as at_the_end:
        with interrupts_held_back() as held_back:
            child = _Child(fork(body, held_back, *(write for _, write in pipes)))
            at_the_end.callback(_conclude, child, before, open_ends)
            for _, write in pipes:
                os.close(write)
        with meanwhile or nullcontext():
            _relay(child, open_ends, before, until, check)
            return child.wait(until, check)


def _conclude(child: _Child, before: Collection[int], open_ends: Mapping[int, Sink]) -> None:
    child.kill()
    end_leftovers(before)
    _drain(open_ends)
    for read, sink in open_ends.items():
        sink.flush()
        os.close(read)


@dataclass
class _Child:
    pid: int
    status: int | None = None

    def look(self) -> int | None:
        """Return how it ended; None while it runs."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status

    def wait(self, until: float = math.inf, check: Check = None) -> int:
        with end_of(self.pid) as ended:
            while (status := self.look()) is None:
                _look(until, check)
                ended(POLL_SECONDS)
        return status

    def kill(self) -> None:
        if self.look() is None:
            kill_tree(self.pid)
            self.wait()


def _look(until: float, check: Check) -> None:
    if time.time() >= until:
        raise TimeoutError
    if check is not None:
        check()


def _relay(
    child: _Child,
    open_ends: Mapping[int, Sink],
    before: Collection[int],
    until: float,
    check: Check,
) -> None:
    """Pass output on to its end, or until what outlives the child has had its grace."""
    over_since = math.inf
    with selectors.DefaultSelector() as selector:
        for read in open_ends:
            selector.register(read, selectors.EVENT_READ)
        while selector.get_map():
            _look(until, check)
            _pass_on(selector, open_ends, POLL_SECONDS)
            if over_since == math.inf and child.look() is not None:
                over_since = time.monotonic()
            if time.monotonic() - over_since > GRACE_SECONDS and leftovers(before):
                return


def _pass_on(selector: selectors.BaseSelector, open_ends: Mapping[int, Sink], seconds: float) -> bool:
    """Wait for output and pass it on; tell whether there was any."""
    ready = selector.select(seconds)
    for key, _ in ready:
        data = os.read(key.fd, _CHUNK)
        open_ends[key.fd].feed(data)
        if not data:
            selector.unregister(key.fd)
    for sink in open_ends.values():
        sink.pause()
    return bool(ready)


def _drain(open_ends: Mapping[int, Sink]) -> None:
    """Pass on what is still in the pipes: their writers are gone, unless one belongs to somebody else."""
    with selectors.DefaultSelector() as selector:
        for read in open_ends:
            selector.register(read, selectors.EVENT_READ)
        while selector.get_map() and _pass_on(selector, open_ends, 0):
            pass
