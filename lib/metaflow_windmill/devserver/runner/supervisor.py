"""The server's side of the workers: starts them, gives them jobs, takes outcomes, replaces the dead."""

from __future__ import annotations

import queue
import shutil
import socket
import subprocess
import sys
import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from metaflow_windmill.devserver.runner.files import Places, held, read_json, runs_in
from metaflow_windmill.devserver.runner.frames import Line, job_to_json, outcome_from_json
from metaflow_windmill.devserver.runner.process import kill_group

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from metaflow_windmill.devserver.model import Outcome, RunnableJob
    from metaflow_windmill.types import Json


class Queue(Protocol):
    """What the runner needs of the engine."""

    def pull(self, worker: str, tags: Sequence[str]) -> RunnableJob | None:
        """Give the next due job to a worker; no tags means any."""

    def finish(self, job_id: str, outcome: Outcome) -> None:
        """Record how a job ended."""

    def requeue(self, job_id: str) -> None:
        """Queue a job again whose worker died."""

    def release(self, job_id: str) -> None:
        """Queue a job again whose worker was stopped on purpose."""

    def wait_for_work(self, timeout: float | None = None) -> bool:
        """Block until a job may have become due."""

    def running(self) -> dict[str, str]:
        """Return the jobs that are marked running at workers, each with its worker's name."""


@dataclass(frozen=True)
class Crew:
    """How the workers are.

    Parameters
    ----------
    size : int
        How many there are.
    tags : tuple of str
        Which jobs they take; none means all.
    cache : Path or None
        Where what jobs require is kept, for all servers; None where they see the server's own packages.
    """

    size: int = 2
    tags: tuple[str, ...] = ()
    cache: Path | None = None


@dataclass
class _Worker:
    """What the server knows of a connected worker."""

    name: str
    line: Line
    job: str | None = None


class Supervisor:
    """Runs the crew of one server.

    Parameters
    ----------
    engine : Queue
    data : Path
        The server's data directory.
    crew : Crew
    """

    def __init__(self, engine: Queue, data: Path, crew: Crew) -> None:
        self._engine, self._places, self._crew = engine, Places(data), crew
        self._lock = threading.Lock()
        self._workers: dict[str, _Worker] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._idle: queue.Queue[_Worker | None] = queue.Queue()
        self._stopping = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def start(self) -> None:
        """Take over what a server before left running, then start workers and give out jobs."""
        self._listen()
        living = self._living()
        self._adopt(living)
        self._thread(self._accept)
        self._thread(self._dispatch)
        for _ in range(max(0, self._crew.size - len(living))):
            self._spawn()

    def stop(self) -> None:
        """Stop every worker and its job; the jobs stay queued for the next start."""
        self._stopping.set()
        self._idle.put(None)
        with self._lock:
            workers = list(self._workers.values())
        for worker in workers:
            worker.line.send({"stop": True})
        for process in self._processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
                continue
            process.kill()
        self._deafen()
        self._places.socket.unlink(missing_ok=True)
        for job in self._engine.running():
            if not self._places.outcome(job).exists():
                self._engine.release(job)

    def abandon(self) -> None:
        """Let go of the workers without stopping them, as a server does that dies."""
        self._stopping.set()
        self._idle.put(None)
        self._deafen()
        with self._lock:
            workers = list(self._workers.values())
        for worker in workers:
            worker.line.close()

    def kill(self, job_id: str) -> None:
        """Kill a running job, its whole process group, at once."""
        with self._lock:
            lines = [worker.line for worker in self._workers.values() if worker.job == job_id]
        for line in lines:
            line.send({"kill": job_id})

    def crew(self) -> list[dict[str, Json]]:
        """Return each worker's name, process and job, for people."""
        with self._lock:
            return [
                {"worker": worker.name, "job": worker.job, "tags": list(self._crew.tags)}
                for worker in self._workers.values()
            ]

    def _listen(self) -> None:
        self._places.socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._places.socket.unlink(missing_ok=True)
        self._listener.bind(str(self._places.socket))
        self._listener.listen()

    def _deafen(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # Closing alone does not wake the thread that accepts.
        self._listener.close()

    def _living(self) -> set[str]:
        """Return the workers of a server before that are alive: each holds its lock."""
        folder = self._places.worker_lock("x").parent
        return {file.stem for file in folder.glob("*.lock") if held(file)}

    def _adopt(self, living: set[str]) -> None:
        """Settle every job that was running: its outcome is there, its worker is alive, or it runs again."""
        for job, worker in self._engine.running().items():
            ended = read_json(self._places.outcome(job))
            if ended is not None:
                self._take(job, ended)
            elif worker not in living:
                self._bury(job)

    def _bury(self, job: str) -> None:
        """Kill what is left of a job whose worker is gone, and queue it again."""
        process = read_json(self._places.process(job))
        directory = self._places.job(job)
        if process is not None and runs_in(process["group"], directory):
            kill_group(process["group"])
        shutil.rmtree(directory, ignore_errors=True)
        self._engine.requeue(job)

    def _take(self, job: str, ended: Json) -> None:
        self._engine.finish(job, outcome_from_json(ended))

    def _spawn(self) -> None:
        name = f"wk-{uuid.uuid4().hex[:8]}"
        command = [sys.executable, "-m", "metaflow_windmill.devserver.runner.worker"]
        command += [str(self._places.data), name, *([str(self._crew.cache)] if self._crew.cache else [])]
        self._processes[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._thread(self._attend, Line(connection))

    def _attend(self, line: Line) -> None:
        """Listen to one worker until it is gone."""
        worker: _Worker | None = None
        for message in line.messages():
            if "hello" in message:
                worker = self._welcome(message, line)
            elif worker is not None:
                self._ended(worker, message["ended"], message["outcome"])
        if worker is not None:
            self._lost(worker)
        line.close()

    def _welcome(self, message: Json, line: Line) -> _Worker:
        worker = _Worker(message["hello"], line, message["busy"])
        with self._lock:
            self._workers[worker.name] = worker
        for job, name in self._engine.running().items():
            if name == worker.name and job not in message["jobs"]:
                self._bury(job)  # It was given out, and the server died before the worker heard of it.
        if worker.job is None:
            self._idle.put(worker)
        return worker

    def _ended(self, worker: _Worker, job: str, ended: Json) -> None:
        self._take(job, ended)
        worker.line.send({"taken": job})
        with self._lock:
            free, worker.job = worker.job in (job, None), None
        if free:
            self._idle.put(worker)

    def _lost(self, worker: _Worker) -> None:
        """A worker died: its job runs again, and another worker takes its place."""
        with self._lock:
            self._workers.pop(worker.name, None)
        if self._stopping.is_set():
            return
        process = self._processes.pop(worker.name, None)
        if process is not None:
            process.wait()
        if worker.job is not None:
            ended = read_json(self._places.outcome(worker.job))
            if ended is None:
                self._bury(worker.job)
            else:
                self._take(worker.job, ended)
        self._spawn()

    def _dispatch(self) -> None:
        while (worker := self._idle.get()) is not None:
            if worker.name not in self._workers:
                continue
            job = self._next(worker.name)
            if job is None:
                return
            if self._assigned(worker, job.id):
                worker.line.send({"run": job_to_json(job)})
            else:
                self._engine.release(job.id)

    def _assigned(self, worker: _Worker, job: str) -> bool:
        """Note what a worker runs; False where it died while it waited, so that nobody would miss the job."""
        with self._lock:
            if worker.name not in self._workers:
                return False
            worker.job = job
            return True

    def _next(self, worker: str) -> RunnableJob | None:
        """Wait for a job; None once the server stops."""
        while not self._stopping.is_set():
            job = self._engine.pull(worker, self._crew.tags)
            if job is not None:
                return job
            self._engine.wait_for_work(1.0)
        return None

    def _thread(self, target: object, *arguments: object) -> None:
        threading.Thread(target=target, args=arguments, daemon=True).start()  # type: ignore[arg-type]
