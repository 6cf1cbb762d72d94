"""Wakes the engine when a job becomes due that was put off: a schedule, a retry's delay, a sleep."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.store import clock
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
    """

    def __init__(self, following: Callable[[], int | None], ring: Callable[[], None]) -> None:
        self._following, self._ring = following, ring
        self._changed = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._loop, name="alarm", daemon=True)

    def start(self) -> None:
        """Begin to watch the clock."""
        self._thread.start()

    def reset(self) -> None:
        """Ask for the next instant again."""
        self._changed.set()

    def close(self) -> None:
        """End the thread."""
        self._closed = True
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join()

    def _loop(self) -> None:
        while not self._closed:
            self._changed.clear()
            try:
                self._ring()
                instant = self._following()
            except ServerError as fault:
                log.warning("jobs that are due wait a moment longer: %s", fault)
                instant = clock.now() + 1_000_000
            nap = LONGEST_NAP if instant is None else (instant - clock.now()) / 1e6
            self._changed.wait(min(max(nap, 0.0), LONGEST_NAP))
