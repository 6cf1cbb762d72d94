"""A database with an empty workspace and a folder in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.devserver.catalog import folders
from metaflow_windmill.devserver.catalog.vault import Vault, open_vault
from metaflow_windmill.devserver.model import Actor
from metaflow_windmill.devserver.store.database import Database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def who() -> Actor:
    return Actor("admin", "admin@windmill.dev", "admins")


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return open_vault(tmp_path / "key")


@pytest.fixture
def database(tmp_path: Path, who: Actor) -> Iterator[Database]:
    opened = Database(tmp_path / "windmill.db")
    with opened.write() as connection:
        folders.create(connection, who, {"name": "a"})
    yield opened
    opened.close()


@pytest.fixture
def connection(database: Database) -> Iterator[sqlite3.Connection]:
    with database.write() as writing:
        yield writing
