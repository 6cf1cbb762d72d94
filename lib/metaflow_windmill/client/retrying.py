"""A transport around another: sends again what may be sent again."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from metaflow_windmill.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow_windmill.client.transport import Request, Response, Transport

TOO_MANY = 429
SERVER_ERROR = 500


@dataclass(frozen=True)
class Backoff:
    """How long to wait before each further attempt.

    Parameters
    ----------
    attempts : int
        How often a request is sent at most.
    first, most : float
        Seconds before the second attempt, doubled for each one after it, and their limit. A
        ``Retry-After`` of the server is followed up to ten times the limit.
    """

    attempts: int = 4
    first: float = 0.25
    most: float = 8.0

    def seconds(self, attempt: int, jitter: float) -> float:
        """Return the wait after an attempt (from 1); `jitter` in [0, 1) takes up to half of it away."""
        return min(self.first * 2.0 ** (attempt - 1), self.most) * (1 - jitter / 2)


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

    def send(self, request: Request) -> Response:
        """Send a request, again where that is safe; the answer tells how often it was sent."""
        attempt = 1
        while True:
            last = attempt == self._backoff.attempts or not request.safe
            try:
                response = self._inner.send(request)
            except Unreachable:
                if last:
                    raise
                wait = self._backoff.seconds(attempt, self._jitter())
            else:
                if last or not _passing(response):
                    return replace(response, attempts=attempt)
                wait = self._wait(response, attempt)
            self._sleep(wait)
            attempt += 1

    def _wait(self, response: Response, attempt: int) -> float:
        wanted = response.headers.get("retry-after", "")
        if wanted.isdigit():
            return min(float(wanted), self._backoff.most * 10)
        return self._backoff.seconds(attempt, self._jitter())


def _passing(response: Response) -> bool:
    return response.status == TOO_MANY or response.status >= SERVER_ERROR
