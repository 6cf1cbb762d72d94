"""Wakes somebody when something becomes due: the engine for a job that was put off, the scheduler."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.store.clock import now
from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_NAP = 60.0
"""Seconds after which the clock is read again, since it may have been set."""

log = logging.getLogger(__name__)


class Alarm:
    """A thread that calls `ring` at each instant that `following` names.

    Parameters
    ----------
    following : callable
        Returns the next instant, in microseconds since 1970, or None.
    ring : callable
    now : callable
        Returns the present instant.
    """

    def __init__(
        self,
        following: Callable[[], int | None],
        ring: Callable[[], None],
        now: Callable[[], int] = now,
    ) -> None:
        self._following, self._ring, self._now = following, ring, now
        self._changed = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._loop, name=type(self).__name__.lower(), daemon=True)

    def start(self) -> None:
        """Begin to watch the clock."""
        self._thread.start()

    def wake(self) -> None:
        """Ask for the next instant again."""
        self._changed.set()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopped = True
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join()

    def seconds_to_next(self) -> float:
        """Return how long to sleep: to the next instant, but at most a minute."""
        instant = self._following()
        return LONGEST_NAP if instant is None else min(max((instant - self._now()) / 1e6, 0.0), LONGEST_NAP)

    def _loop(self) -> None:
        while not self._stopped:
            self._changed.clear()
            try:
                self._ring()
                nap = self.seconds_to_next()
            except ServerError as fault:
                log.warning("what is due waits a moment longer: %s", fault)
                nap = 1.0
            self._changed.wait(nap)
