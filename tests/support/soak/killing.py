"""A server whose workers are killed, and that is killed itself and started again on the same data."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.support.server import end_server, start_server
from tests.support.worker_processes import worker_processes

if TYPE_CHECKING:
    from pathlib import Path

PAUSE = (4.0, 12.0)
"""Seconds between two kills, drawn from between these, unless something else is said."""
BEHIND = 16
"""Jobs that wait, above which nobody is killed: a machine that has other work to do would never get on."""
WHAT = ("worker", "worker", "worker", "server", "both")


class House:
    """One embedded server after the other, at one address and on one data directory.

    Parameters
    ----------
    directory : Path
    seed : int
        Of what is killed and when.
    pause : tuple of float
        Seconds between two kills, drawn from between these.
    """

    def __init__(self, directory: Path, seed: int, pause: tuple[float, float] = PAUSE) -> None:
        self.directory, self._pause = directory, pause
        self.server = start_server(directory, token="secret")
        self.away: list[tuple[float, float]] = []
        self.kills: dict[str, int] = {"worker": 0, "server": 0}
        self._drawn = random.Random(f"kills {seed}")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._kill, name="killer")
        self.fault: BaseException | None = None

    def start_killing(self) -> None:
        """Begin to kill."""
        self._thread.start()

    def stop_killing(self) -> None:
        """Kill no more; the server runs after this."""
        self._over.set()
        self._thread.join()

    def end(self) -> None:
        """End the server as Ctrl-C does, whatever was begun."""
        if self._thread.is_alive():
            self.stop_killing()
        end_server(self.server)

    def _kill(self) -> None:
        while not self._over.wait(self._drawn.uniform(*self._pause)):
            what = self._drawn.choice(WHAT)
            try:
                if self._is_behind():
                    continue
                if what in ("worker", "both"):
                    self._kill_a_worker()
                if what in ("server", "both"):
                    self._kill_the_server()
            except AssertionError as fault:
                self.fault = fault
                return

    def _is_behind(self) -> bool:
        return int(self.server.get("/jobs/queue/count")["database_length"]) > BEHIND

    def _kill_a_worker(self) -> None:
        there = sorted(worker_processes(self.directory / "server"))
        if there:
            with suppress(ProcessLookupError):
                os.kill(self._drawn.choice(there), signal.SIGKILL)
                self.kills["worker"] += 1

    def _kill_the_server(self) -> None:
        port = self.server.url.rsplit(":", 1)[1]
        from_ = time.time()
        self.server.process.kill()
        self.server.process.wait()
        self.kills["server"] += 1
        time.sleep(self._drawn.uniform(0, 2))
        self.server = start_server(self.directory, token="secret", arguments=["--port", port])
        self.away.append((from_, time.time()))
