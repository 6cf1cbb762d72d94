"""A transport around another: sends again what may be sent again."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from metaflow_windmill.client.answers import SERVER_ERROR, TOO_MANY, passing
from metaflow_windmill.client.transport import Response, end_connections
from metaflow_windmill.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow_windmill.client.transport import Request, Transport

OK = 200


@dataclass(frozen=True)
class Backoff:
    """How long to wait before each further attempt.

    Parameters
    ----------
    attempts : int
        How often a request is sent at most to a server that is there, and too busy or in trouble: it broke
        the connection, or it or what stands before it said so.
    failed : int
        How often at most where it says that it failed (500), which is more often meant.
    absent : int
        How often at most where nobody takes the connection, or no answer comes in time: most often the
        address is wrong.
    first, most : float
        Seconds before the second attempt, doubled for each one after it, and their limit. A
        ``Retry-After`` of the server is followed up to ten times the limit.
    """

    attempts: int = 8
    failed: int = 5
    absent: int = 4
    first: float = 0.25
    most: float = 8.0

    def seconds(self, attempt: int, jitter: float) -> float:
        """Return the wait after an attempt (from 1); `jitter` in [0, 1) takes up to half of it away."""
        return min(self.first * 2.0 ** (attempt - 1), self.most) * (1 - jitter / 2)

    def most_attempts(self, fault: Response | Unreachable) -> int:
        """Return how often a request is sent at most that ended so."""
        if isinstance(fault, Unreachable):
            return self.attempts if fault.broke else min(self.absent, self.attempts)
        return min(self.failed, self.attempts) if fault.status == SERVER_ERROR else self.attempts


PATIENT = Backoff(absent=8)
"""For a job: its server is there, or it would not run, and is being started again at the most."""


class Retrying:
    """Sends safe requests again after a lost connection, a 429 or a 5xx.

    Parameters
    ----------
    inner : Transport
    backoff : Backoff
    sleep, jitter : callable
        ``time.sleep`` and ``random.random``, or what a test puts in their places.
    """

    def __init__(
        self,
        inner: Transport,
        backoff: Backoff | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._inner = inner
        self._backoff = backoff or Backoff()
        self._sleep = sleep
        self._jitter = jitter

    def __repr__(self) -> str:
        return f"Retrying({self._inner!r})"

    def close(self) -> None:
        """End the connections that are kept open, if the transport has any."""
        end_connections(self._inner)

    def send(self, request: Request) -> Response:
        """Send a request, again where that is safe; the answer tells how often it was sent.

        What must not be done twice is sent again only once `Request.done` has told that it was not done.
        """
        attempt = 1
        while True:
            fault = self._attempt(request)
            last = attempt >= self._backoff.most_attempts(fault) or not _again(request, fault)
            if isinstance(fault, Unreachable):
                if last:
                    raise fault
                wait = self._backoff.seconds(attempt, self._jitter())
            else:
                if last or not passing(fault.status):
                    return replace(fault, attempts=attempt)
                wait = self._wait(fault, attempt)
            self._sleep(wait)
            if request.done is not None and request.done():
                return Response(OK, attempts=attempt)
            attempt += 1

    def _attempt(self, request: Request) -> Response | Unreachable:
        try:
            return self._inner.send(request)
        except Unreachable as why:
            return why

    def _wait(self, response: Response, attempt: int) -> float:
        wanted = response.headers.get("retry-after", "")
        if wanted.isdigit():
            return min(float(wanted), self._backoff.most * 10)
        return self._backoff.seconds(attempt, self._jitter())


def _again(request: Request, fault: Response | Unreachable) -> bool:
    """Tell whether a request may be sent again: what was too much for a server was not begun."""
    return request.safe or (not isinstance(fault, Unreachable) and fault.status == TOO_MANY)
