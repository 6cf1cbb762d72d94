"""The Windmill that ``scripts/test --server`` names: the tests run there, in a workspace made for them."""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.support.oracle import usual_settings
from tests.support.patience import SERVER
from tests.support.server import Server, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import requests

TOKEN = "METAFLOW_WINDMILL_TEST_TOKEN"
WORKSPACE, USED = "METAFLOW_WINDMILL_TEST_WORKSPACE", "METAFLOW_WINDMILL_TEST_WORKSPACE_USED"
KEPT = "METAFLOW_WINDMILL_TEST_WORKSPACE_KEPT"
"""Set where the workspace stays as it is from one file of tests to the next: an embedded server's does."""
OF_WHO_DEPLOYS = {"METAFLOW_DEFAULT_DATASTORE", "METAFLOW_WINDMILL_WORKER_TAGS"}


def elsewhere() -> str | None:
    """Return the address of the Windmill that the tests are to run on; None for embedded ones."""
    return os.environ.get(SERVER)


def of_no_use_elsewhere(why: str) -> pytest.MarkDecorator:
    """Mark tests that another Windmill has no part in; the reason is shown where they are left out."""
    return pytest.mark.skipif(elsewhere() is not None, reason=f"left out elsewhere: {why}")


@contextmanager
def some_server(directory: Path, workers: int = 2) -> Iterator[Server]:
    """Give a workspace to a test: of an embedded server that is its own, or of the Windmill that was named.

    Parameters
    ----------
    directory : Path
        For the embedded server's data.
    workers : int
        How many jobs have to run at a time; where the server has fewer, the test is left out.
    """
    if elsewhere() is None:
        directory.mkdir(exist_ok=True)
        with running_server(directory, workers) as server:
            yield server
    else:
        yield _empty(workers)


@contextmanager
def embedded_server(
    directory: Path, why: str, workers: int = 2, *, arguments: tuple[str, ...] = ()
) -> Iterator[Server]:
    """Give an embedded server to a test that is of no use elsewhere, and say why it is left out there."""
    if elsewhere() is not None:
        pytest.skip(f"left out elsewhere: {why}")
    directory.mkdir(exist_ok=True)
    with running_server(directory, workers, arguments=arguments) as server:
        yield server


@contextmanager
def workspace_there() -> Iterator[None]:
    """Have a workspace on the Windmill that was named for as long as a block runs.

    A community edition allows for two, so all tests have this one, one after another.
    """
    os.environ[WORKSPACE] = f"metaflow-test-{uuid.uuid4().hex[:12]}"
    server = there()
    _create(server)
    try:
        yield
    finally:
        _remove(server)


def there() -> Server:
    """Return the workspace on the Windmill that was named."""
    return Server(str(elsewhere()).rstrip("/"), os.environ[TOKEN], os.environ[WORKSPACE])


def _empty(workers: int) -> Server:
    """Return the workspace with nothing in it, as a new server has it."""
    server = there()
    found = len(server.get("/api/workers/list"))
    if found < workers:
        pytest.skip(f"left out elsewhere: it needs {workers} workers and this Windmill has {found}")
    if USED in os.environ and not os.environ.get(KEPT):
        _remove(server)
        _create(server)
    os.environ[USED] = server.workspace
    return server


def _create(server: Server) -> None:
    """Make the workspace; servers that give people no names by themselves want one."""
    asked = {"id": server.workspace, "name": server.workspace}
    answers: list[requests.Response] = []
    for more in ({}, {"username": "tester"}):
        answers.append(server.ask("POST", "/api/workspaces/create", json={**asked, **more}))
        if answers[-1].ok:
            if told := told_to_jobs(usual_settings()):
                server.tell_jobs(told)
            return
    raise pytest.UsageError(f"No workspace can be made with this token: {answers[0].text}")


def told_to_jobs(settings: Mapping[str, str]) -> dict[str, str]:
    """Return what jobs have to know of the store that homes have: not that it is the one to take."""
    return {name: value for name, value in settings.items() if name not in OF_WHO_DEPLOYS}


def _remove(server: Server) -> None:
    server.ask("POST", "/workspaces/archive")
    gone = server.ask("DELETE", f"/api/workspaces/delete/{server.workspace}")
    assert gone.ok, f"The workspace {server.workspace} is still there; remove it by hand: {gone.text}"
