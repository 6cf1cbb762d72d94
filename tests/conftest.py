"""Fixtures that several kinds of tests share."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from tests.support.deployed import Target
from tests.support.elsewhere import elsewhere, some_server, workspace_there
from tests.support.islands.everywhere import asked, everywhere
from tests.support.patience import patient

if TYPE_CHECKING:
    from collections.abc import Iterator


settings.register_profile(
    "any machine",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
"""What is drawn is the same each time, and takes as long as a busy machine needs."""


def pytest_configure(config: pytest.Config) -> None:
    """Have a workspace where `scripts/test --server` names a Windmill.

    And let Ctrl-C reach what the tests start: a shell in the background has its children ignore it.
    """
    settings.load_profile("any machine")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if (elsewhere() is not None or asked()) and not config.option.collectonly:
        if config.getoption("numprocesses", None):
            raise pytest.UsageError("All tests have one workspace there: leave -n out.")
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # or the workspace stays behind
        stack = ExitStack()
        config.add_cleanup(stack.close)
        stack.enter_context(everywhere() if asked() else workspace_there())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the files of slow tests, so that no worker is left alone with one at the end.

    And give the tests on a Windmill elsewhere longer, each in the same ratio.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    if elsewhere() is None:
        return
    usual = float(config.getini("timeout"))
    for item in items:
        limit = item.get_closest_marker("timeout")
        longer = pytest.mark.timeout(patient(limit.args[0] if limit else usual))
        item.add_marker(longer, append=False)


@pytest.fixture(scope="session")
def windmill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A Windmill for tests that bring flows of their own names."""
    with some_server(tmp_path_factory.mktemp("windmill")) as server:
        yield Target(server.url, server.token, server.workspace)


@pytest.fixture(scope="module")
def own_windmill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A Windmill of a file's own, for what lists all runs or leaves something there that has a name.

    Where workers take tests from one another, one of them may come back to a file that it has left.
    """
    with some_server(tmp_path_factory.mktemp("windmill")) as server:
        yield Target(server.url, server.token, server.workspace)


@pytest.fixture(scope="session")
def windmill_of_four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A Windmill that can run four tasks at once."""
    with some_server(tmp_path_factory.mktemp("windmill"), workers=4) as server:
        yield Target(server.url, server.token, server.workspace)
