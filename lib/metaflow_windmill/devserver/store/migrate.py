"""Migrations: SQL files in order of their numbers, each applied once and in a transaction of its own."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

NAME = re.compile(r"(\d{3})_(\w+)\.sql")
TABLE = """CREATE TABLE IF NOT EXISTS migration (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
)"""


class Migration(NamedTuple):
    """One step of the schema: its number, its name and its SQL."""

    number: int
    name: str
    sql: str


def shipped() -> list[Migration]:
    """Return the migrations that come with the package, in order."""
    found = []
    for file in (resources.files(__package__) / "migrations").iterdir():
        named = NAME.fullmatch(file.name)
        if named:
            found.append(Migration(int(named[1]), named[2], file.read_text(encoding="utf-8")))
    return sorted(found)


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration] | None = None) -> None:
    """Bring a database to the newest schema.

    Raises
    ------
    ServerError
        If the database holds a migration that this version does not know.
    """
    migrations = shipped() if migrations is None else migrations
    connection.execute(TABLE)
    applied = {row[0] for row in connection.execute("SELECT number FROM migration")}
    unknown = applied - {migration.number for migration in migrations}
    if unknown:
        raise ServerError(
            f"The data directory was written by a newer metaflow-windmill (schema {max(unknown)}). "
            "Install the newer one again, or give another directory with --data."
        )
    for migration in migrations:
        if migration.number not in applied:
            _apply(connection, migration)


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    # executescript commits what is open before it begins, so the transaction is part of the script.
    record = f"INSERT INTO migration (number, name) VALUES ({migration.number}, '{migration.name}');"  # noqa: S608 - both come from the file's name, which NAME has matched
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{migration.sql}\n{record}\nCOMMIT;")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
