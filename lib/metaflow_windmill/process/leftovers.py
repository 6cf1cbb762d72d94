"""Ends what a child left running: nothing that it began lives on, whatever session or group it went to.

Where a parent ends before its children, Linux gives them to the nearest ancestor that adopts
orphans. So once this process does (`control.adopt_orphans`), all that a child ever began is below
this process, and can be found there.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.process.control import adopt_orphans

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_PATIENCE = 10.0
"""Seconds for what was killed to be gone: a process that waits for a disk goes when the disk answers."""
_TICK = 0.01


def expect_leftovers() -> frozenset[int]:
    """Adopt whatever is left behind from now on; return the children that are there already.

    Returns
    -------
    frozenset of int
        Process ids, for `end_leftovers`.
    """
    adopt_orphans()
    return frozenset(children_of(os.getpid()))


def leftovers(before: Collection[int]) -> list[int]:
    """Return this process's children that were not there before."""
    return [pid for pid in children_of(os.getpid()) if pid not in before]


def end_leftovers(before: Collection[int]) -> list[int]:
    """Kill all children of this process, and theirs, that were not there before; adopt no others from now on.

    Parameters
    ----------
    before : collection of int
        What `expect_leftovers` returned.

    Returns
    -------
    list of int
        Processes that could not be ended: those of another user, or in a call that cannot be interrupted.
    """
    deadline = time.monotonic() + _PATIENCE
    while left := leftovers(before):
        for pid in _held(left):
            _send(pid, signal.SIGKILL)
        if sum(map(_reaped, left)) == 0:
            if time.monotonic() > deadline:
                break
            time.sleep(_TICK)
    adopt_orphans(wanted=False)  # a parent that does not bury them would keep all of them as zombies
    return left


def kill_tree(pid: int) -> None:
    """Kill a process with all that it began and that has not gone elsewhere."""
    for each in _held([pid]):
        _send(each, signal.SIGKILL)


def children_of(pid: int) -> list[int]:
    """Return a process's children; none where the system does not tell."""
    tasks = Path(f"/proc/{pid}/task")
    files = [task / "children" for task in tasks.iterdir()] if tasks.is_dir() else []
    if files and not files[0].exists():  # a kernel without CONFIG_PROC_CHILDREN
        return [child for child, parent in _parents() if parent == pid]
    found: list[int] = []
    for file in files:
        with suppress(OSError):
            found += map(int, file.read_text(encoding="ascii").split())
    return found


def _parents() -> Iterator[tuple[int, int]]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            after_name = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2]
            yield int(stat.parent.name), int(after_name.split()[1])


def _held(roots: Iterable[int]) -> set[int]:
    """Stop processes with all below them, so that none begins another while they are counted; return them."""
    held: set[int] = set()
    while fresh := {pid for root in roots for pid in _with_descendants(root)} - held:
        for pid in fresh:
            _send(pid, signal.SIGSTOP)
        held |= fresh
    return held


def _with_descendants(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):
        for child in children_of(pid):
            yield from _with_descendants(child)


def _send(pid: int, sign: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, sign)


def _reaped(pid: int) -> bool:
    with suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    return True
