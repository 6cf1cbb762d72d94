"""A queue in memory, so that the runner can be tried without the engine."""

from __future__ import annotations

import threading
import uuid
from collections import deque
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.model import Outcome, RunnableJob, ScriptCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow_windmill.devserver.runner.supervisor import Supervisor
    from metaflow_windmill.types import Json


class MemoryQueue:
    """Hands out jobs in order and keeps how they ended."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[RunnableJob] = deque()
        self._jobs: dict[str, RunnableJob] = {}
        self._running: dict[str, str] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.starts: dict[str, int] = {}

    def add(self, content: str, args: Json = None, *, timeout: int | None = None, **more: Json) -> str:
        """Queue a script and return its job id."""
        code = ScriptCode(content, path=more.pop("path", "f/tests/script"))
        environment = {"WM_FLOW_STEP_ID": "a", "WM_WORKSPACE": "admins"}
        job = RunnableJob(str(uuid.uuid4()), "admins", code, args or {}, environment, timeout, **more)
        with self._changed:
            self._jobs[job.id] = job
            self._waiting.append(job)
            self._changed.notify_all()
        return job.id

    def pull(self, worker: str, tags: Sequence[str]) -> RunnableJob | None:
        """Give the next job."""
        with self._changed:
            if not self._waiting:
                return None
            job = self._waiting.popleft()
            self._running[job.id] = worker
            self.starts[job.id] = self.starts.get(job.id, 0) + 1
            self._changed.notify_all()
            return job

    def finish(self, job_id: str, outcome: Outcome) -> None:
        """Keep the first outcome."""
        with self._changed:
            self._running.pop(job_id, None)
            self.outcomes.setdefault(job_id, outcome)
            self._changed.notify_all()

    def requeue(self, job_id: str) -> None:
        """Queue a job again."""
        with self._changed:
            self._running.pop(job_id, None)
            self._waiting.append(self._jobs[job_id])
            self._changed.notify_all()

    def release(self, job_id: str) -> None:
        """Queue a job again."""
        self.requeue(job_id)

    def wait_for_work(self, timeout: float | None = None) -> bool:
        """Wait for a job."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self._waiting), timeout)

    def running(self) -> dict[str, str]:
        """Return who runs what."""
        with self._changed:
            return dict(self._running)

    def ended(self, job_id: str, timeout: float = 60) -> Outcome:
        """Wait for a job's end."""
        with self._changed:
            assert self._changed.wait_for(lambda: job_id in self.outcomes, timeout), "the job did not end"
            return self.outcomes[job_id]


def abandon(supervisor: Supervisor) -> None:
    """Let go of the workers without stopping them, as a server does that dies."""
    supervisor._stopping.set()
    supervisor._idle.put(None)
    supervisor._deafen()
    with supervisor._lock:
        workers = list(supervisor._workers.values())
    for worker in workers:
        worker.line.close()
