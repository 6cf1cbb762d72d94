"""The server's side of the workers: starts them, gives them jobs, takes outcomes, replaces the dead.

A worker's life, and who notices its end in each state. Each worker has one watcher, from the moment that
this server starts it or finds it alive; it waits for the process, or for the lock of a worker that another
server started.

=================  ============================  ==========================================================
state              what the job is               if the worker ends, its watcher ...
=================  ============================  ==========================================================
started            none                          starts another one
locked             a server before gave it one   takes the outcome from its file; else queues the job again
greeted, idle      none                          starts another one
given a job        running, not begun            queues it again; no death, as it has no directory
running it         running, has a directory      kills what is left, queues it again, counts a death
wrote the outcome  running                       takes the outcome from its file
told the outcome   its end is being stored       does nothing: what was told is heard to its end first
draining           running, or none              starts another one: it ended after its job, by itself
=================  ============================  ==========================================================

If the server ends, its workers go on, and the next server finds them by their locks. If both end, the next
server settles each job that is marked running by the same rules. On a full disk a worker that cannot write
an outcome keeps it and tells it all the same; one that cannot lay out a job's directory, and whoever cannot
store something, tries again until it can.
"""

from __future__ import annotations

import queue
import shutil
import socket
import subprocess
import sys
import threading
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Protocol

from metaflow_windmill.devserver.model import Outcome
from metaflow_windmill.devserver.runner.files import Places, await_release, held, read_json, runs_in
from metaflow_windmill.devserver.runner.process import kill_group
from metaflow_windmill.devserver.runner.worker_messages import Line
from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from metaflow_windmill.devserver.model import RunnableJob
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


WORKER = "metaflow_windmill.devserver.runner.worker"


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
    program : str
        The module that a worker is.
    """

    size: int = 2
    tags: tuple[str, ...] = ()
    cache: Path | None = None
    program: str = WORKER


@dataclass
class _Worker:
    """What the server knows of a connected worker."""

    name: str
    line: Line
    job: str | None = None
    draining: bool = False
    silent: threading.Event = field(default_factory=threading.Event)
    """Set once all that it ever said was heard."""


PAUSE = 1.0
"""Seconds before what failed, such as a start on a full disk, is tried again."""


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
        self._watched: set[str] = set()
        self._settling, self._staffing = threading.Lock(), threading.Lock()
        self._stopping = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def start(self) -> None:
        """Take over what a server before left running, then start workers and give out jobs."""
        self._listen()
        living = self._living()
        self._adopt(living)
        self._thread(self._accept)
        self._thread(self._dispatch)
        for name in living:
            self._watch(name)
        self._complete()

    def stop(self) -> None:
        """Stop every worker and its job; the jobs stay queued for the next start."""
        self._stopping.set()
        self._idle.put(None)
        with self._lock:
            workers = list(self._workers.values())
        for worker in workers:
            worker.line.send({"stop": True})
        for process in list(self._processes.values()):
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
                continue
            process.kill()
        self._deafen()
        self._places.socket.unlink(missing_ok=True)
        for job in self._engine.running():
            if not self._places.outcome(job).exists():
                with suppress(ServerError):  # The next start does it.
                    self._engine.release(job)

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

    def drains(self, job_id: str) -> bool:
        """Tell whether the worker that runs a job takes no other one any more, since it was told to end."""
        with self._lock:
            return any(worker.draining for worker in self._workers.values() if worker.job == job_id)

    def serves(self, tag: str) -> bool:
        """Tell whether the workers take jobs with a tag."""
        return not self._crew.tags or tag in self._crew.tags

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
        if not directory.exists():
            with suppress(ServerError):
                self._engine.release(job)
                return
        if process is not None and runs_in(process["group"], directory):
            kill_group(process["group"])
        shutil.rmtree(directory, ignore_errors=True)
        self._engine.requeue(job)

    def _take(self, job: str, ended: Json) -> None:
        self._engine.finish(job, Outcome(**ended))

    def _spawn(self) -> bool:
        """Start a worker; False where the system does not let us now."""
        name = f"wk-{uuid.uuid4().hex[:8]}"
        command = [sys.executable, "-m", self._crew.program]
        command += [str(self._places.data), name, *([str(self._crew.cache)] if self._crew.cache else [])]
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        except OSError:
            return False
        self._processes[name] = process
        self._watch(name)
        return True

    def _complete(self) -> None:
        """Start workers until there are as many as there shall be."""
        with self._staffing:
            while len(self._watched) < self._crew.size and not self._stopping.is_set():
                if not self._spawn():
                    self._stopping.wait(PAUSE)

    def _watch(self, name: str) -> None:
        """Have one thread wait for the end of a worker."""
        with self._lock:
            new = name not in self._watched
            self._watched.add(name)
        if new:
            self._thread(self._await_end, name)

    def _await_end(self, name: str) -> None:
        """Wait for the end of a worker, settle its job, and put another one in its place."""
        process = self._processes.get(name)
        if process is None:
            await_release(self._places.worker_lock(name))
        else:
            process.wait()
        if self._stopping.is_set():
            return
        with self._lock:
            self._watched.discard(name)
            worker = self._workers.get(name)
        self._processes.pop(name, None)
        if worker is None:
            self._stopping.wait(PAUSE)  # It did not get to its first word: the next one may not either.
        else:
            worker.silent.wait()
        self._settle(name)
        self._complete()

    def _settle(self, name: str) -> None:
        """Take the outcome of what a dead worker ran, or queue it again."""
        with self._settling:
            for job in [job for job, at in self._engine.running().items() if at == name]:
                ended = read_json(self._places.outcome(job))
                if ended is None:
                    self._bury(job)
                else:
                    self._take(job, ended)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._thread(self._attend, Line(connection))

    def _attend(self, line: Line) -> None:
        """Listen to one worker until it is gone, or speaks anew."""
        worker: _Worker | None = None
        try:
            for message in line.messages():
                if "hello" in message:
                    worker = self._welcome(message, line)
                elif worker is not None and "draining" in message:
                    worker.draining = True
                elif worker is not None:
                    self._ended(worker, message["ended"], message["outcome"])
        finally:
            line.close()
            if worker is not None:
                self._dismiss(worker)

    def _dismiss(self, worker: _Worker) -> None:
        with self._lock:
            if self._workers.get(worker.name) is worker:
                del self._workers[worker.name]
            unwatched = worker.name not in self._watched
        worker.silent.set()
        if unwatched and not self._stopping.is_set():
            self._settle(
                worker.name
            )  # It was dead before it was heard, so its watcher did not wait for this.

    def _welcome(self, message: Json, line: Line) -> _Worker:
        worker = _Worker(message["hello"], line, message["busy"])
        with self._lock:
            self._workers[worker.name] = worker
        if worker.name not in self._watched and held(self._places.worker_lock(worker.name)):
            if len(self._watched) >= self._crew.size:  # A server before had just started it: one too many.
                line.send({"stop": True})
                return worker
            self._watch(worker.name)
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
            if worker.job != job:
                return  # The end of an earlier job, told again: it waits already, and runs one at a time.
            worker.job = None
        if not worker.draining:
            self._idle.put(worker)

    def _dispatch(self) -> None:
        while (worker := self._idle.get()) is not None:
            if worker.name not in self._workers or worker.draining:
                continue
            job = self._next(worker.name)
            if job is None:
                return
            if self._assigned(worker, job.id):
                worker.line.send({"run": asdict(job)})
            else:
                self._settle(worker.name)

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
            try:
                job = self._engine.pull(worker, self._crew.tags)
            except ServerError:  # The disk may be full; the job stays queued.
                self._stopping.wait(PAUSE)
                continue
            if job is not None:
                return job
            self._engine.wait_for_work(1.0)
        return None

    def _thread(self, target: object, *arguments: object) -> None:
        threading.Thread(target=target, args=arguments, daemon=True).start()  # type: ignore[arg-type]
