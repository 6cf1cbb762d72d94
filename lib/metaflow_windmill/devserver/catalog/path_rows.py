"""What stands at a path of a workspace, and lists of it: the same for each kind of thing that is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from metaflow_windmill.devserver.catalog.paths import check_place
from metaflow_windmill.devserver.refusals import bad_request, not_found, there

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from metaflow_windmill.types import Json

Table: TypeAlias = Literal[
    "flow", "flow_version", "http_trigger", "resource", "schedule", "script", "variable"
]


def find(connection: sqlite3.Connection, table: Table, workspace: str, path: str) -> sqlite3.Row | None:
    """Return the row at a path; None where there is none."""
    found: sqlite3.Row | None = connection.execute(
        f"SELECT * FROM {table} WHERE workspace = ? AND path = ?",  # noqa: S608 (a name of those above)
        (workspace, path),
    ).fetchone()
    return found


def get(connection: sqlite3.Connection, table: Table, workspace: str, path: str, absent: str) -> sqlite3.Row:
    """Return the row at a path.

    Raises
    ------
    RequestRefused
        404 with these words, if there is none.
    """
    return there(find(connection, table, workspace, path), absent)


def free_place(connection: sqlite3.Connection, table: Table, workspace: str, path: str) -> str:
    """Return a path where a new row may stand.

    Raises
    ------
    RequestRefused
        If the path is not valid or taken, or its folder is absent.
    """
    if find(connection, table, workspace, check_place(connection, workspace, path)) is not None:
        raise bad_request(f"{table.removeprefix('http_').capitalize()} {path} already exists")
    return path


def insert(connection: sqlite3.Connection, table: Table, row: Mapping[str, Json]) -> int | None:
    """Add a row, given by column; return its number, where the table numbers them."""
    places = ", ".join("?" * len(row))
    statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})"  # noqa: S608 (names that the catalog writes)
    return connection.execute(statement, tuple(row.values())).lastrowid


def change(
    connection: sqlite3.Connection, table: Table, workspace: str, path: str, row: Mapping[str, Json]
) -> None:
    """Set columns of the row at a path."""
    columns = ", ".join(f"{name} = ?" for name in row)
    statement = f"UPDATE {table} SET {columns} WHERE workspace = ? AND path = ?"  # noqa: S608 (as above)
    connection.execute(statement, (*row.values(), workspace, path))


def remove(
    connection: sqlite3.Connection, table: Table, workspace: str, path: str, absent: str | None = None
) -> None:
    """Remove what stands at a path; 404 with these words, if any, where nothing does."""
    gone = connection.execute(
        f"DELETE FROM {table} WHERE workspace = ? AND path = ?",  # noqa: S608 (as above)
        (workspace, path),
    )
    if absent is not None and not gone.rowcount:
        raise not_found(absent)


@dataclass(frozen=True)
class Selection:
    """Which flows or scripts a list shows.

    Parameters
    ----------
    path_start : str
    path_exact, label : str or None
        None for any.
    archived : bool
        Whether those that are put away are shown, instead of those that are not.
    limit, offset : int
        How many rows, and how many before them are left out.
    """

    path_start: str = ""
    path_exact: str | None = None
    label: str | None = None
    archived: bool = False
    limit: int = 1000
    offset: int = 0

    def rows(
        self, connection: sqlite3.Connection, table: Table, workspace: str, also: str, order: str
    ) -> list[sqlite3.Row]:
        """Return the rows of a table, by a condition and an order that are the table's own."""
        return connection.execute(
            f"SELECT * FROM {table} WHERE workspace = :workspace AND archived = :archived"  # noqa: S608 (as above)
            " AND substr(path, 1, :length) = :path_start AND (:path_exact IS NULL OR path = :path_exact)"
            " AND (:label IS NULL OR EXISTS (SELECT 1 FROM json_each(labels) WHERE json_each.value = :label))"
            f" AND {also} ORDER BY {order} LIMIT :limit OFFSET :offset",
            {**vars(self), "workspace": workspace, "length": len(self.path_start)},
        ).fetchall()


EVERY = Selection()
