"""Saves the logs of a running task from time to time, so that they are seen while it runs."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from metaflow_windmill.runtime.output.log_streams import LogStream

REST_FACTOR = 10.0
FIRST_SECONDS = 0.25  # metaflow.mflog.MIN_UPDATE_DELAY


class Saver:
    """Saves the logs of a running task in a thread, each time there is more of them.

    A save that takes long is followed by a rest in proportion, since each one writes everything
    again. One that fails is made up for by the next one.

    It is entered when the task has begun, and `check` is called several times a second.

    Parameters
    ----------
    save : callable
        Saves all that was logged.
    streams : sequence of LogStream
    first : float
        After so many seconds there is something worth saving.
    """

    def __init__(
        self, save: Callable[[], None], streams: Sequence[LogStream], first: float = FIRST_SECONDS
    ) -> None:
        self._save, self._streams, self._first = save, streams, first
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="save-logs", daemon=True)
        self._began = time.monotonic()

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def check(self) -> None:
        """Begin to save if it is time to: a task that is over before pays for no thread."""
        if self._thread.ident is None and time.monotonic() - self._began >= self._first:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        from metaflow.mflog import update_delay

        saved, wait = 0, 0.0
        while not self._stop.wait(wait):
            began = time.monotonic()
            size = sum(stream.size() for stream in self._streams)
            if size != saved:
                with suppress(Exception):
                    self._save()
                    saved = size
            wait = max(update_delay(began - self._began), REST_FACTOR * (time.monotonic() - began))
