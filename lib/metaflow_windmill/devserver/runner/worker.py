"""A worker: a process that runs one job at a time and outlives the server that started it.

A job's outcome is written to a file before it is told, and told until the server has taken it. So neither the
server's death nor this worker's loses a result.

Run as ``python -m metaflow_windmill.devserver.runner.worker DATA NAME [CACHE]``.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.model import Demand, Outcome
from metaflow_windmill.devserver.requirements.demand import of_lock
from metaflow_windmill.devserver.runner.environment import job_environment, path_of_jobs
from metaflow_windmill.devserver.runner.files import Places, hold, write_json
from metaflow_windmill.devserver.runner.index_settings import uv_environment
from metaflow_windmill.devserver.runner.job_directory import lay_out
from metaflow_windmill.devserver.runner.process import JobProcess, outcome, spawned
from metaflow_windmill.devserver.runner.requirement_cache import Prepared, find_uv, prepare, resolved
from metaflow_windmill.devserver.runner.tools import JobTools, Unprepared
from metaflow_windmill.devserver.runner.worker_messages import Line, job_from_json
from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    from metaflow_windmill.devserver.model import RunnableJob
    from metaflow_windmill.devserver.runner.process import Launch
    from metaflow_windmill.types import Json

PATIENCE = 300.0
"""Seconds that a worker waits for a server to come back."""
AGAIN = 0.2
"""Seconds between two tries to reach the server."""
PAUSE = 1.0
"""Seconds between two looks for space on a full disk."""
FULL = {errno.ENOSPC, errno.EDQUOT}


class Worker:
    """The state of a worker: its line to the server, the job at hand, the outcomes not yet taken.

    Parameters
    ----------
    places : Places
    name : str
    cache : Path or None
        Where what jobs require is kept; None where jobs see this worker's own packages.
    launch : Launch
        How the processes of jobs are started.
    """

    def __init__(self, places: Places, name: str, cache: Path | None, launch: Launch = spawned) -> None:
        self._places, self._name, self._cache, self._launch = places, name, cache, launch
        self._lock = threading.Lock()
        self._line: Line | None = None
        self._process: JobProcess | None = None
        self._job: str | None = None
        self._killed: set[str] = set()
        self._untaken: dict[str, Json] = {}
        self._draining = False

    def drain(self) -> None:
        """Take no further job, and end after the one at hand, as a real worker does that is told to end."""
        with self._lock:
            self._draining = True
            if self._line is not None:
                self._line.send({"draining": True})
        self._leave_if_done()

    def serve(self) -> None:
        """Speak with the server, and if it dies with the next one, until told to stop or left alone."""
        while (connection := self._connect()) is not None:
            line = Line(connection)
            self._greet(line)
            for message in line.messages():
                if "stop" in message:
                    self._stop()
                    return
                self._handle(message)
            line.close()
            if self._is_done():
                return
        self._stop()

    def _is_done(self) -> bool:
        with self._lock:
            return self._draining and self._job is None and not self._untaken

    def _leave_if_done(self) -> None:
        if self._is_done() and self._line is not None:
            self._line.close()  # so that nothing more is heard, and `serve` ends

    def _connect(self) -> socket.socket | None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._places.data.exists():
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.connect(str(self._places.socket))
            except OSError:
                connection.close()
                time.sleep(AGAIN)
            else:
                return connection
        return None

    def _greet(self, line: Line) -> None:
        with self._lock:
            self._line = line
            known = [*self._untaken, *([self._job] if self._job else [])]
            line.send({"hello": self._name, "jobs": known, "busy": self._job})
            if self._draining:
                line.send({"draining": True})
            for job, ended in self._untaken.items():
                line.send({"ended": job, "outcome": ended})

    def _handle(self, message: Json) -> None:
        if "run" in message:
            job = job_from_json(message["run"])
            with self._lock:
                self._job = job.id
            threading.Thread(target=self._run, args=[job], daemon=True).start()
        elif "kill" in message:
            self._kill(message["kill"])
        elif "taken" in message:
            with self._lock:
                self._untaken.pop(message["taken"], None)
            shutil.rmtree(self._places.job(message["taken"]), ignore_errors=True)
            self._leave_if_done()

    def _kill(self, job: str) -> None:
        with self._lock:
            self._killed.add(job)
            if self._job == job and self._process is not None:
                self._process.kill("canceled")

    def _stop(self) -> None:
        with self._lock:
            if self._process is not None:
                self._process.kill("stopped")

    def _run(self, job: RunnableJob) -> None:
        ended = self._ended(job)
        if ended is None:
            return
        said = asdict(ended)
        with suppress(OSError):  # On a full disk it is told all the same, and the server waits for space.
            self._places.job(job.id).mkdir(parents=True, exist_ok=True)
            write_json(self._places.outcome(job.id), said)
        with self._lock:
            self._job = None
            self._killed.discard(job.id)
            self._untaken[job.id] = said
            if self._line is not None:
                self._line.send({"ended": job.id, "outcome": said})

    def _ended(self, job: RunnableJob) -> Outcome | None:
        """Run a job to its end; None where the server was stopped, so that the next one runs it again."""
        directory, log = self._places.job(job.id), self._places.log(job.id)
        step = job.environment.get("WM_FLOW_STEP_ID") or None
        try:
            if job.resolves and self._cache is not None:
                return self._resolved(job, directory, log, self._cache)
            process = self._start(job, directory, log)
        except Unprepared as why:
            return None if why.end.killed == "stopped" else outcome(why.end, directory, log, step)
        except (OSError, ServerError) as why:
            return _unable("ExecutionErr", str(why), step)
        except Exception as why:  # noqa: BLE001 - whatever it is, the job ends, and this worker takes the next one.
            traceback.print_exc()
            return _unable("InternalErr", f"the worker cannot run this job: {why!r}", step)
        end = process.wait()
        with self._lock:
            self._process = None
        if end.killed == "stopped":
            return None
        return outcome(end, directory, log, step)

    def _resolved(self, job: RunnableJob, directory: Path, log: Path, cache: Path) -> Outcome:
        """Resolve what scripts require, and have it in the cache for their first run."""
        directory.mkdir(parents=True, exist_ok=True)
        tools = self._tools(job, directory, log)
        locks = [resolved(demand, cache, tools) for demand in job.demands]
        for lock in locks:
            prepare(of_lock(lock), cache, tools)
        one = {"lock": locks[0]} if len(locks) == 1 else {}
        return Outcome(success=True, result={"status": "resolved", "locks": locks, **one})

    def _start(self, job: RunnableJob, directory: Path, log: Path) -> JobProcess:
        self._lay_out(job, directory)
        prepared = Prepared(Path(sys.executable), None)
        if self._cache is not None:
            demand = job.demands[0] if job.demands else Demand()
            prepared = prepare(demand, self._cache, self._tools(job, directory, log))
        path = (
            None
            if self._cache is None
            else path_of_jobs(os.environ.get("PATH", os.defpath), self._programs())
        )
        environment = job_environment(job, os.environ, prepared.packages, path)
        return self._process_of(job, [str(prepared.python), "-u", "wrapper.py"], directory, environment, log)

    def _lay_out(self, job: RunnableJob, directory: Path) -> None:
        """Lay out the directory of a job; on a full disk when there is space again, or the job is killed."""
        while True:
            shutil.rmtree(directory, ignore_errors=True)
            try:
                lay_out(directory, job)
            except OSError as why:
                shutil.rmtree(directory, ignore_errors=True)  # it has not begun
                if why.errno not in FULL or job.id in self._killed:
                    raise
                print(f"Job {job.id} waits for space to begin: {why}", file=sys.stderr, flush=True)
                time.sleep(PAUSE)
            else:
                return

    def _programs(self) -> Path:
        """Return a folder that holds uv, which a real worker has on its search path."""
        folder = self._places.programs
        link = folder / "uv"
        if not link.exists():
            folder.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            with suppress(FileExistsError):
                link.symlink_to(find_uv())
        return folder

    def _tools(self, job: RunnableJob, directory: Path, log: Path) -> JobTools:
        environment = uv_environment(os.environ)
        return JobTools(lambda command: self._process_of(job, command, directory, environment, log), log)

    def _process_of(
        self, job: RunnableJob, command: list[str], directory: Path, environment: dict[str, str], log: Path
    ) -> JobProcess:
        with self._lock:
            process = JobProcess(command, directory, environment, log, job.timeout, launch=self._launch)
            self._process = process
            if job.id in self._killed:
                process.kill("canceled")
        try:
            write_json(self._places.process(job.id), {"worker": self._name, "group": process.group})
        except OSError:
            process.kill("stopped")
            process.wait()
            with self._lock:
                self._process = None
            raise
        return process


def _unable(name: str, message: str, step: str | None) -> Outcome:
    return Outcome(success=False, result={"error": {"name": name, "message": message, "step_id": step}})


def main(arguments: list[str], launch: Launch = spawned) -> int:
    """Run a worker until its server stops it."""
    data, name, *cache = arguments
    places = Places(Path(data))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker = Worker(places, name, Path(cache[0]) if cache else None, launch)
    # In a thread: the signal may come while this one holds what draining needs.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=worker.drain).start())
    with hold(places.worker_lock(name)):
        worker.serve()
    places.worker_lock(name).unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
