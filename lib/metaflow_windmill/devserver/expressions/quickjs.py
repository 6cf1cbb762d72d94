"""QuickJS in processes of its own, so that an expression that never ends harms nobody but itself."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from metaflow_windmill.devserver import frames
from metaflow_windmill.devserver.expressions.evaluator import ExpressionError
from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from metaflow_windmill.types import Json

DEADLINE = 20.0
"""Seconds that an expression may take, as on a real server."""

IDLE_KEPT = 2
"""Processes that wait for the next expression; more are started when more are evaluated at once."""

EXPRESSIONS_EACH = 2000
"""After so many expressions a process is replaced, so that nothing it may have leaked grows."""


class QuickJs:
    """Evaluates expressions in child processes.

    Parameters
    ----------
    deadline : float
        Seconds for one expression.
    """

    def __init__(self, deadline: float = DEADLINE) -> None:
        self.deadline = deadline
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._lock = threading.Lock()
        self._closed = False

    def warm(self) -> None:
        """Start a process ahead of the first expression."""
        self._give_back(self._take())

    def evaluate(
        self,
        expression: str,
        names: Mapping[str, Json],
        look_up: Callable[[str, str], Json],
        previous_id: str = "",
    ) -> Json:
        """Return the value of an expression; see `Evaluator.evaluate`."""
        child = self._take()
        try:
            value = child.evaluate(expression, names, look_up, previous_id, self.deadline)
        except _ChildGone as gone:
            self._drop(child)
            if self._closed:
                raise ServerError("The embedded server is shutting down.") from None
            raise ExpressionError(f"The expression `{expression}` {gone}") from None
        except BaseException:
            # Whoever threw may have left an answer half read; only `ExpressionError` comes after a whole one.
            self._give_back(child) if child.whole else self._drop(child)
            raise
        self._give_back(child)
        return value

    def processes(self) -> list[int]:
        """Return the numbers of the processes."""
        with self._lock:
            return [child.pid for child in (*self._idle, *self._busy)]

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            self._closed = True
            children = [*self._idle, *self._busy]
            self._idle.clear()
        for child in children:
            child.end()

    def _take(self) -> _Child:
        with self._lock:
            if self._closed:
                raise ServerError("The embedded server is shutting down.")
            child = self._idle.pop() if self._idle else _Child()
            if not child.alive:  # The system may have ended it while it was idle.
                child.end()
                child = _Child()
            self._busy.add(child)
            return child

    def _give_back(self, child: _Child) -> None:
        with self._lock:
            self._busy.discard(child)
            if not self._closed and len(self._idle) < IDLE_KEPT and child.served < EXPRESSIONS_EACH:
                self._idle.append(child)
                return
        child.end()

    def _drop(self, child: _Child) -> None:
        with self._lock:
            self._busy.discard(child)
        child.end()


class _ChildGone(Exception):
    """The child ended, or was ended, before it answered."""


class _Child:
    """One process and the conversation with it."""

    def __init__(self) -> None:
        command = [sys.executable, "-I", "-m", "metaflow_windmill.devserver.expressions.quickjs_child"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={}, start_new_session=True
        )
        self.served = 0
        self.whole = True
        self._ends_at = 0.0

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def evaluate(
        self,
        expression: str,
        names: Mapping[str, Json],
        look_up: Callable[[str, str], Json],
        previous_id: str,
        deadline: float,
    ) -> Json:
        """Return the value of one expression."""
        self.served += 1
        self.whole = False
        self._ends_at = time.monotonic() + deadline
        self._send({"expression": expression, "names": dict(names), "previous_id": previous_id})
        answer = self._receive(deadline)
        while "fetch" in answer:
            self._send(_looked_up(look_up, *answer["fetch"]))
            answer = self._receive(deadline)
        self.whole = True
        if "error" in answer:
            raise ExpressionError(f"Error during evaluation of expression `{expression}`: {answer['error']}")
        return json.loads(answer["value"])

    def end(self) -> None:
        """Kill the process and reap it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # there may be something left that nobody reads any more
                    pipe.close()

    def _send(self, message: Json) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for as a pipe
        try:
            frames.write(self._process.stdin, message)
        except (OSError, ValueError):  # broken, or closed by the server
            raise _ChildGone("ended its process; it may need too much memory.") from None

    def _receive(self, deadline: float) -> Json:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for as a pipe
        descriptor = self._process.stdout.fileno()

        def receive(length: int) -> bytes:
            left = self._ends_at - time.monotonic()
            ready, _, _ = select.select([descriptor], [], [], max(left, 0))
            if not ready:
                raise _ChildGone(f"took too long to evaluate (more than {deadline:g} s).")
            return os.read(descriptor, length)

        try:
            return frames.read(receive)
        except (EOFError, OSError):  # by now, the server may have closed the pipe itself
            raise _ChildGone("ended its process; it may need too much memory.") from None


def _looked_up(look_up: Callable[[str, str], Json], kind: str, name: str) -> Json:
    try:
        return {"value": look_up(kind, name)}
    except ExpressionError as why:
        return {"error": str(why)}
