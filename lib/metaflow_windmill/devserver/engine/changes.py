"""Awaiting changes of jobs, from threads and from asyncio, without polling."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType


class ChangeListener:
    """Wakes whoever waits each time one of its jobs, or a job below one of them, changes.

    A change between two waits is remembered, so the loop to write is: look, then wait. Use it as a context
    manager. `wait` is for threads, `changed` for coroutines; one subscription serves one waiter.
    """

    def __init__(self, hub: Changes, keys: tuple[str, ...]) -> None:
        self._hub = hub
        self.keys = keys
        self._flag = threading.Event()
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def wait(self, timeout: float | None = None) -> bool:
        """Block until a change; return False if none came within `timeout` seconds."""
        came = self._flag.wait(timeout)
        self._flag.clear()
        return came

    async def changed(self, timeout: float | None = None) -> bool:
        """Await a change; return False if none came within `timeout` seconds."""
        loop = asyncio.get_running_loop()
        event = asyncio.Event() if self._waiter is None else self._waiter[1]
        self._waiter = (loop, event)
        ends_at = None if timeout is None else loop.time() + timeout
        while True:
            event.clear()
            # The event of a change that an earlier call has answered may still come: the flag decides.
            if self._flag.is_set():
                self._flag.clear()
                return True
            try:
                await asyncio.wait_for(event.wait(), None if ends_at is None else ends_at - loop.time())
            except (TimeoutError, asyncio.TimeoutError):
                return False

    def notify(self) -> None:
        """Wake the waiter; called from any thread."""
        self._flag.set()
        if self._waiter is not None:
            loop, event = self._waiter
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    def __enter__(self) -> ChangeListener:  # noqa: PYI034 - typing.Self is of 3.11
        self._hub.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hub.remove(self)


class Changes:
    """The one place where changes are told and heard."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: dict[str, set[ChangeListener]] = defaultdict(set)

    def subscribe(self, *jobs: str) -> ChangeListener:
        """Return a subscription to jobs and, where a job is the root of a tree, to the whole tree."""
        return ChangeListener(self, jobs)

    @property
    def waiting(self) -> int:
        """How many keys somebody waits for."""
        with self._lock:
            return len(self._by_key)

    def publish(self, jobs: Iterable[str]) -> None:
        """Tell that jobs have changed; name the root of each as well."""
        with self._lock:
            woken = {waiter for job in jobs for waiter in self._by_key.get(job, ())}
        for waiter in woken:
            waiter.notify()

    def add(self, subscription: ChangeListener) -> None:
        """Begin to wake a subscription."""
        with self._lock:
            for key in subscription.keys:
                self._by_key[key].add(subscription)

    def remove(self, subscription: ChangeListener) -> None:
        """Stop waking a subscription."""
        with self._lock:
            for key in subscription.keys:
                waiters = self._by_key.get(key, set())
                waiters.discard(subscription)
                if not waiters:
                    self._by_key.pop(key, None)
