"""Looks after a node while its code runs: whether another node failed, or one gives no sign any more."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow_windmill.runtime.gang.board import Board
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class Pace:
    """How often the nodes of a gang look, in seconds.

    Parameters
    ----------
    look : float
        Between two looks at whether a node failed, or all have come or ended.
    beat : float
        Between two signs that a node gives of itself.
    silence : float
        Without a sign, after which a node is taken for dead: its worker or its network is gone. Each node
        looks at one other, by its own clock alone.
    """

    look: float = 0.5
    beat: float = 10.0
    silence: float = 60.0


@dataclass
class _Sign:
    """The last sign of a node, and how many this one has given since: none, while its machine stood still."""

    beat: int
    since: int = 0


@dataclass
class GangWatch:
    """Watches the other nodes of a gang in a thread, for as long as it is entered.

    Parameters
    ----------
    board : Board
    index, count : int
        Which node this is, of how many.
    said : JSON object
        What the node said of itself when it came.
    ended : callable
        Makes of a failure the error that this node ends with.
    pace : Pace
    """

    board: Board
    index: int
    count: int
    said: dict[str, Json]
    ended: Callable[[Json], BaseException]
    pace: Pace = field(default_factory=Pace)
    _failure: Json = None
    _beat: int = 0
    _last_beat: float = 0.0
    _seen: dict[int, _Sign] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> None:
        self._stop.clear()
        self._seen.clear()
        self._thread = threading.Thread(target=self._run, name="watch-gang", daemon=True)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def check(self) -> None:
        """Raise the error of this node if another one failed."""
        if self._failure is not None:
            raise self.ended(self._failure)

    def _run(self) -> None:
        while self._failure is None and not self._stop.wait(self.pace.look):
            with suppress(Exception):  # the store may be away for a moment; who stays away is missed
                self._failure = self.board.failure()
                if time.monotonic() - self._last_beat > self.pace.beat:
                    self._give_sign()
                    self._look_for_sign()

    def _give_sign(self) -> None:
        self._beat += 1
        self.board.arrive(self.index, {**self.said, "beat": self._beat})
        self._last_beat = time.monotonic()

    def _look_for_sign(self) -> None:
        node = self._next()
        if node is None:
            return
        beat = (self.board.arrived(node) or {}).get("beat", 0)
        sign = self._seen.get(node)
        if sign is None or sign.beat != beat:
            self._seen[node] = _Sign(beat)
            return
        sign.since += 1
        if sign.since * self.pace.beat >= self.pace.silence:
            why = f"it gave no sign for {self.pace.silence:.0f} seconds: its worker or its network is gone"
            self.board.fail(node, why, final=False)

    def _next(self) -> int | None:
        """Return the next node that has not ended; None if this is the only one left."""
        others = (node % self.count for node in range(self.index + 1, self.index + self.count))
        return next((node for node in others if self.board.finished(node) is None), None)
