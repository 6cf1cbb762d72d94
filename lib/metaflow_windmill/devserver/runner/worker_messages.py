"""What the server and a worker say to each other: one JSON object a line, over a Unix socket.

======================================  ==========================================================
server to worker                        worker to server
======================================  ==========================================================
``{"run": {...}}``                      ``{"hello": name, "jobs": [...], "busy": job}``
``{"kill": job}``                       ``{"ended": job, "outcome": {...}}``
``{"taken": job}``: its outcome is      (an outcome is sent again after a reconnect, until taken)
safe, forget the job
``{"stop": true}``
======================================  ==========================================================
"""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.model import Demand, RunnableJob, ScriptCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.types import Json


class Line:
    """One end of the conversation.

    Parameters
    ----------
    connection : socket.socket
        A connected stream socket; this object owns it.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = connection.makefile("rb")
        self._lock = threading.Lock()

    def send(self, message: Json) -> bool:
        """Send a message; return False where the other end is gone."""
        data = json.dumps(message).encode() + b"\n"
        try:
            with self._lock:
                self._connection.sendall(data)
        except OSError:
            return False
        return True

    def messages(self) -> Iterator[Json]:
        """Yield each message until the other end is gone."""
        while True:
            try:
                line = self._reader.readline()
            except (OSError, ValueError):
                return
            if not line.endswith(b"\n"):
                return
            yield json.loads(line)

    def close(self) -> None:
        """End the conversation."""
        with suppress(OSError):  # The other end may have been faster.
            self._connection.shutdown(socket.SHUT_RDWR)
        self._reader.close()
        self._connection.close()


def job_from_json(data: Json) -> RunnableJob:
    """Read a job that `asdict` wrote."""
    code = {**data["code"], "envs": tuple(data["code"]["envs"])}
    demands = tuple(Demand(**{**said, "lines": tuple(said["lines"])}) for said in data["demands"])
    return RunnableJob(**{**data, "code": ScriptCode(**code), "demands": demands})
