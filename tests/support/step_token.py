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
    from collections.abc import Iterator
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


@contextmanager
def held_token(server: RunningServer, scopes: list[str] | None, directory: Path) -> Iterator[str]:
    """Run a flow of one step with these scopes; yield its token while its job lives."""
    told, gate = directory / "token", directory / "gate"
    given = {"told": str(told), "gate": str(gate)}
    code = {"type": "rawscript", "language": "python3", "content": HOLDS, "lock": ""}
    transforms = {name: {"type": "static", "value": value} for name, value in given.items()}
    module = {"id": "a", "value": {**code, "input_transforms": transforms}, "job_token_scopes": scopes}
    asked = {"value": {"modules": [module]}, "path": f"f/flows/token_{uuid.uuid4().hex}", "args": {}}
    job = server.post("/jobs/run/preview_flow", asked)
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
