"""A real embedded server for tests: the command itself, in a process of its own, on a free port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from tests.support.patience import patient

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

STARTS_WITHIN = 60.0
ENDS_WITHIN = 60.0
BUSY = 60.0
"""Seconds that a machine may take for what it does at once when nothing else runs on it."""


@dataclass(frozen=True)
class Server:
    """Where a Windmill is, what opens it, and the workspace that a test has there."""

    url: str
    token: str
    workspace: str = "admins"
    looks: int = 6
    """How many jobs have to agree on what all workers know."""

    def ask(self, method: str, path: str, token: str | None = None, **how: Any) -> requests.Response:
        """Send a request; a path that begins with ``/api`` is taken as it is, others are of the workspace."""
        inside = path if path.startswith("/api") else f"/api/w/{self.workspace}{path}"
        headers = {"Authorization": f"Bearer {token or self.token}", **how.pop("headers", {})}
        return requests.request(
            method, self.url + inside, headers=headers, timeout=how.pop("timeout", 60), **how
        )

    def get(self, path: str, **how: Any) -> Any:
        """Return the JSON, or else the text, of an answer that must be a success."""
        return _content(self.ask("GET", path, **how))

    def post(self, path: str, body: Any = None, **how: Any) -> Any:
        """Post JSON; return the JSON, or else the text, of an answer that must be a success."""
        return _content(self.ask("POST", path, json=body, **how))

    def tell_jobs(self, variables: Mapping[str, str | None]) -> None:
        """Set environment variables of the workspace, None for away with it; wait until all jobs see them.

        On a real server that takes seconds, for each worker its own.
        """
        for name, value in variables.items():
            body = {"name": name} if value is None else {"name": name, "value": value}
            self.post("/workspaces/set_environment_variable", body)
        code = "import os\ndef main(names):\n    return {name: os.environ.get(name) for name in names}\n"
        look = {"content": code, "language": "python3", "args": {"names": list(variables)}, "lock": ""}

        def seen() -> bool:
            jobs = [self.post("/jobs/run/preview", look) for _ in range(self.looks)]
            return all(self.finished(job)["result"] == dict(variables) for job in jobs)

        wait_until(seen, 90, f"not every job sees {', '.join(variables)}")

    def finished(self, job_id: str, within: float = 60.0) -> Any:
        """Return the job once it has ended."""
        path = f"/jobs_u/completed/get_result_maybe/{job_id}"
        wait_until(lambda: self.get(path)["completed"], within, f"job {job_id} did not end")
        return self.get(f"/jobs_u/get/{job_id}")


@dataclass(frozen=True)
class RunningServer(Server):
    """An embedded server: its data, what it said, and its process."""

    looks: int = 1
    data: Path = Path()
    output: Path = Path()
    process: subprocess.Popen[bytes] = field(kw_only=True)


DEV = ("metaflow_windmill.cli.main", "dev")
QUICK = ("tests.support.quick.server",)
"""The embedded server with workers that fork their jobs."""


@contextmanager
def quick_server(directory: Path, workers: int = 2) -> Iterator[RunningServer]:
    """Start an embedded server whose jobs start fast, for what looks at the engine alone."""
    server = start_server(directory, workers, program=QUICK)
    try:
        yield server
    finally:
        end_server(server)


@contextmanager
def running_server(
    directory: Path, workers: int = 2, *, arguments: Sequence[str] = (), token: str | None = None
) -> Iterator[RunningServer]:
    """Start ``metaflow-windmill dev`` with its data under a directory, and end it as Ctrl-C does."""
    server = start_server(directory, workers, arguments=arguments, token=token)
    try:
        yield server
    finally:
        end_server(server)


def start_server(
    directory: Path,
    workers: int = 2,
    *,
    arguments: Sequence[str] = (),
    token: str | None = None,
    program: Sequence[str] = DEV,
    environment: Mapping[str, str] | None = None,
) -> RunningServer:
    """Start ``metaflow-windmill dev`` and wait until it says that it is ready."""
    data, output = directory / "server", directory / "server.out"
    command = [sys.executable, "-m", *program, "--port", "0", "--data", str(data)]
    command += ["--workers", str(workers), *(["--token", token] if token else []), *arguments]
    with output.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
        )
    try:
        wait_until(
            lambda: process.poll() is not None or "Press Ctrl-C" in output.read_text(),
            STARTS_WITHIN,
            f"the server did not get ready; it said: {output.read_text()}",
        )
        said = output.read_text()
        assert process.poll() is None, f"the server ended at once; it said: {said}"
    except BaseException:
        process.kill()
        process.wait()
        raise
    url = next(line.split()[1] for line in said.splitlines() if line.strip().startswith("address"))
    token = token or (data / "token").read_text().strip()
    return RunningServer(url, token, data=data, output=output, process=process)


def end_server(server: RunningServer, sign: signal.Signals = signal.SIGINT) -> int:
    """Tell a server to end, and return its exit status."""
    if server.process.poll() is None:
        server.process.send_signal(sign)
    try:
        return server.process.wait(ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()
        raise


def wait_until(condition: Any, within: float, otherwise: str) -> None:
    """Look until a condition holds; fail with a sentence if it does not in time, a minute at least."""
    deadline = time.monotonic() + patient(max(within, BUSY))
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)


def _content(answer: requests.Response) -> Any:
    assert answer.status_code < 400, (
        f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}"
    )
    return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text
