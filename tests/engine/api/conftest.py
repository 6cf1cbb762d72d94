"""One embedded server for all tests of the API; each test has a folder of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.support.server import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.server import RunningServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture
def folder(server: RunningServer, request: pytest.FixtureRequest) -> str:
    """The start of paths that nobody else uses."""
    name = re.sub(r"\W", "_", request.node.name)[:100]
    server.post("/folders/create", {"name": name})
    return f"f/{name}"
