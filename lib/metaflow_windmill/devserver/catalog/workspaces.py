"""Workspaces, and the environment variables that each sets for its jobs."""

from __future__ import annotations

import json
import re
import sqlite3
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.refusals import bad_request
from metaflow_windmill.devserver.store.clock import now

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

ID = re.compile(r"[a-z0-9][\w-]{0,49}", re.ASCII)
VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def ensure(connection: sqlite3.Connection, workspace: str, owner: str) -> None:
    """Make a workspace if it is absent."""
    row = (workspace, workspace.capitalize(), owner, now())
    connection.execute("INSERT OR IGNORE INTO workspace VALUES (?, ?, ?, ?)", row)


def create(connection: sqlite3.Connection, asked: Json, owner: str) -> str:
    """Make a workspace, and return its id.

    Raises
    ------
    RequestRefused
        If the id is not a word or is taken.
    """
    if not ID.fullmatch(asked["id"]):
        raise bad_request(f"{asked['id']!r} is not a workspace id; use letters, digits, _ and -")
    try:
        connection.execute(
            "INSERT INTO workspace VALUES (?, ?, ?, ?)",
            (asked["id"], asked.get("name") or asked["id"], owner, now()),
        )
    except sqlite3.IntegrityError as fault:
        raise bad_request(f"Workspace {asked['id']} already exists") from fault
    return str(asked["id"])


def exists(connection: sqlite3.Connection, workspace: str) -> bool:
    """Tell whether a workspace is there."""
    return connection.execute("SELECT 1 FROM workspace WHERE id = ?", (workspace,)).fetchone() is not None


def listed(connection: sqlite3.Connection) -> list[Json]:
    """Return all workspaces."""
    rows = connection.execute("SELECT * FROM workspace ORDER BY id")
    return [{"id": row["id"], "name": row["name"], "owner": row["owner"], "deleted": False} for row in rows]


def environment(connection: sqlite3.Connection, workspace: str) -> dict[str, str]:
    """Return the environment variables that every job of a workspace gets."""
    rows = connection.execute("SELECT name, value FROM workspace_env WHERE workspace = ?", (workspace,))
    return {row["name"]: row["value"] for row in rows}


def set_variable(connection: sqlite3.Connection, workspace: str, name: str, value: str | None) -> None:
    """Set an environment variable, or remove it where the value is None.

    Raises
    ------
    RequestRefused
        If the name is not one that a shell takes, or is Windmill's own.
    """
    if not VARIABLE.fullmatch(name) or name.startswith("WM_"):
        raise bad_request(f"{name!r} cannot be the name of an environment variable of a workspace")
    if value is None:
        connection.execute("DELETE FROM workspace_env WHERE workspace = ? AND name = ?", (workspace, name))
        return
    connection.execute(
        "INSERT INTO workspace_env VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        (workspace, name, value),
    )


def git_sync(connection: sqlite3.Connection, workspace: str) -> Json:
    """Return the settings of a workspace's git sync; None where it has none."""
    row = connection.execute("SELECT value FROM git_sync WHERE workspace = ?", (workspace,)).fetchone()
    return None if row is None else json.loads(row["value"])


def set_git_sync(connection: sqlite3.Connection, workspace: str, settings: Json) -> None:
    """Keep the settings of a workspace's git sync, or forget them where they are None; nothing is synced."""
    connection.execute("DELETE FROM git_sync WHERE workspace = ?", (workspace,))
    if settings is not None:
        connection.execute("INSERT INTO git_sync VALUES (?, ?)", (workspace, json.dumps(settings)))
