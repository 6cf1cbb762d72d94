"""The token of a step's job, for as long as somebody looks at what it opens, and a look at every route."""

from __future__ import annotations

import re
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.server import wait_until
from tests.support.token_scopes import ID

from metaflow_windmill.devserver.api.app import ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.support.server import RunningServer

HOLDS = """
import os, pathlib, time
def main(told, gate):
    pathlib.Path(told + ".part").write_text(os.environ["WM_TOKEN"])
    os.rename(told + ".part", told)
    while not pathlib.Path(gate).exists():
        time.sleep(0.02)
"""


def run_step(server: RunningServer, scopes: Sequence[str], given: dict[str, str]) -> str:
    """Run a flow of one step that holds its token; return its job."""
    code = {"type": "rawscript", "language": "python3", "content": HOLDS, "lock": ""}
    transforms = {name: {"type": "static", "value": value} for name, value in given.items()}
    module = {"id": "a", "value": {**code, "input_transforms": transforms}, "job_token_scopes": list(scopes)}
    asked = {"value": {"modules": [module]}, "path": f"f/flows/token_{uuid.uuid4().hex}", "args": {}}
    return str(server.post("/jobs/run/preview_flow", asked))


def run_script(server: RunningServer, scopes: Sequence[str], given: dict[str, str]) -> str:
    """Deploy a script that holds its token, and run it; return its job."""
    path = f"f/flows/token_{uuid.uuid4().hex}"
    code = {"path": path, "language": "python3", "content": HOLDS, "lock": "# py: 3.12\n"}
    server.post("/scripts/create", {**code, "job_token_scopes": list(scopes)})
    return str(server.post(f"/jobs/run/p/{path}", given))


@contextmanager
def held_token(
    server: RunningServer,
    scopes: Sequence[str],
    directory: Path,
    run: Callable[[RunningServer, Sequence[str], dict[str, str]], str] = run_step,
) -> Iterator[str]:
    """Run something with these scopes; yield its token while its job lives."""
    told, gate = directory / "token", directory / "gate"
    job = run(server, scopes, {"told": str(told), "gate": str(gate)})
    try:
        wait_until(told.exists, 60, "the job did not begin")
        yield told.read_text()
    finally:
        gate.touch()
        assert server.finished(job)["success"]


def opened_routes(server: RunningServer, token: str) -> set[str]:
    """Return each route that a token opens, as ``METHOD domain/...``; a refusal is a 403 or a 401."""
    return {
        f"{method} {_below(endpoint.path)}"
        for endpoint in ENDPOINTS
        if not endpoint.public
        for method in endpoint.methods.split()
        if server.ask(method, _filled(endpoint.path), token, json={}).status_code not in (401, 403)
    } - {"GET users/whoami", "GET users/email"}


def _filled(path: str) -> str:
    known = {"workspace": "admins", "id": ID, "path:path": "f/flows/there", "file:path": "f/flows/there.py"}
    return re.sub(r"\{([\w:]+)\}", lambda found: known.get(found[1], "1"), path)


def _below(path: str) -> str:
    return path.removeprefix("/api/").removeprefix("w/{workspace}/")
