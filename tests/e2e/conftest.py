"""What several end-to-end tests have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.support.elsewhere import elsewhere
from tests.support.git_repository import GitRepository, new_repository
from tests.support.workspace import Workspace, flow_file, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TWO = {"flows/one.py": flow_file("OneFlow"), "flows/two.py": flow_file("TwoFlow")}


def _as_long_as_it_lasts(**_asked: Any) -> str:
    """Return for how long a workspace is kept: elsewhere there is one, emptied for each file that asks."""
    return "module" if elsewhere() else "session"


@pytest.fixture(scope=_as_long_as_it_lasts)  # type: ignore[arg-type]
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with the scripts of `f/metaflow` in it; a test has folders of its own there."""
    with workspace(tmp_path_factory.mktemp("workspace")) as made:
        yield made


@pytest.fixture
def origin(tmp_path: Path) -> GitRepository:
    """A repository with two flows, as it is on a git host."""
    return new_repository(tmp_path / "host" / "flows.git", TWO)
