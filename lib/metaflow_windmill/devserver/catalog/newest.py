"""What a server process remembers: which version of a path was the newest one when it was last asked for.

A real server of 1.788 keeps this for a minute, by workspace and path, and forgets it when it reads in a
table of events that the path has a new version. It reads that table every ten seconds, each process for
itself. So what is started by path just after a deployment may be the version before, of a flow that was
deleted too; what is started by version never is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from metaflow_windmill.devserver.store.clock import now

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Remembered = TypeVar("Remembered")

POLL_SECONDS = 10.0
KEPT_SECONDS = 60.0
MOST = 1000


@dataclass(frozen=True)
class _Kept(Generic[Remembered]):
    found: Remembered
    until: int


class Newest(Generic[Remembered]):
    """Remembers the newest version of each of many things, whole: what was deleted still runs.

    Parameters
    ----------
    seconds : float
        How often the process reads which things have changed; 0 remembers nothing.
    clock : callable
        Microseconds since the epoch, as `followed` gives them.
    """

    def __init__(self, seconds: float = POLL_SECONDS, clock: Callable[[], int] = now) -> None:
        self._poll = round(seconds * 1e6)
        self._clock = clock
        self._began = clock()
        self._kept: dict[Hashable, _Kept[Remembered]] = {}

    def of(
        self, thing: Hashable, newest: Remembered | None, followed: Callable[[Remembered], int | None]
    ) -> Remembered | None:
        """Return the version that this process takes for the newest one.

        Parameters
        ----------
        thing : hashable
        newest : Remembered or None
            The version that is the newest one in truth; None if there is none, or none any more.
        followed : callable
            Tells when the version after a given one came, None if there is none.
        """
        at, kept = self._clock(), self._kept.get(thing)
        if kept is not None and at < kept.until and not self._heard(followed(kept.found), at):
            return kept.found
        self._kept.pop(thing, None)
        if newest is not None and self._poll:
            self._keep(thing, _Kept(newest, at + round(KEPT_SECONDS * 1e6)), at)
        return newest

    def _keep(self, thing: Hashable, kept: _Kept[Remembered], at: int) -> None:
        if len(self._kept) >= MOST:
            self._kept = {thing: kept for thing, kept in self._kept.items() if at < kept.until}
        if len(self._kept) >= MOST:
            self._kept.clear()
        self._kept[thing] = kept

    def _heard(self, changed: int | None, at: int) -> bool:
        """Tell whether events were read between a change and now."""
        return changed is not None and self._reading(changed) < self._reading(at)

    def _reading(self, at: int) -> int:
        return (at - self._began) // self._poll
