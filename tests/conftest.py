"""Fixtures that several kinds of tests share."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import Target
from tests.support.server import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_configure() -> None:
    """Let Ctrl-C reach what the tests start: a shell in the background has its children ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
