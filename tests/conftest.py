"""Fixtures that several kinds of tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import Target
from tests.support.server import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def windmill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """An embedded server for tests that bring flows of their own names."""
    with running_server(tmp_path_factory.mktemp("windmill")) as server:
        yield Target(server.url, server.token)


@pytest.fixture(scope="session")
def windmill_of_four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """An embedded server that can run four tasks at once."""
    with running_server(tmp_path_factory.mktemp("windmill"), workers=4) as server:
        yield Target(server.url, server.token)
