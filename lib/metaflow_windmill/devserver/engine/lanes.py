"""A few threads that work on many trees of jobs, on each tree one thing after the other."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS = 4
"""Trees that advance at the same time; others wait only while all of these evaluate slow expressions."""

log = logging.getLogger(__name__)


class Lanes:
    """Calls a function for a key, never twice at once for the same key.

    Parameters
    ----------
    drain : callable
        Does all that is to be done for a key.
    """

    def __init__(self, drain: Callable[[str], None]) -> None:
        self._drain = drain
        self._closed = False
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="lane")
        self._condition = threading.Condition()
        self._active: dict[str, bool] = {}

    def schedule(self, key: str) -> None:
        """See to a key soon; again, if it is being seen to."""
        with self._condition:
            if self._closed:
                return
            if key in self._active:
                self._active[key] = True
                return
            self._active[key] = False
            self._pool.submit(self._run, key)

    def settle(self, timeout: float | None = None) -> bool:
        """Block until nothing is to be done; return False if that took longer."""
        with self._condition:
            return self._condition.wait_for(lambda: not self._active, timeout)

    def stop(self) -> None:
        """Begin nothing any more."""
        with self._condition:
            self._closed = True

    def close(self) -> None:
        """Finish what is being done and begin nothing else."""
        self.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, key: str) -> None:
        again = True
        while again:
            again = False
            try:
                self._drain(key)
                again = self._asked_again(key)
            except Exception:
                if not self._closed:  # The next server goes on with it.
                    log.exception("a run stands still until the server starts again: %s", key)
            finally:
                if not again:
                    self._leave(key)

    def _asked_again(self, key: str) -> bool:
        with self._condition:
            asked, self._active[key] = self._active[key], False
            return asked and not self._closed

    def _leave(self, key: str) -> None:
        """Leave a key alone, unless it was asked for in the last instant."""
        with self._condition:
            asked = self._active.pop(key)
            self._condition.notify_all()
        if asked:
            self.schedule(key)
