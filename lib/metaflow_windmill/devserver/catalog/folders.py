"""Folders: the owners of paths under ``f/``."""

from __future__ import annotations

import json
import re
import sqlite3
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.refusals import bad_request, there
from metaflow_windmill.devserver.store.clock import iso, now

if TYPE_CHECKING:
    from metaflow_windmill.devserver.model import Actor
    from metaflow_windmill.types import Json

NAME = re.compile(r"[a-zA-Z_0-9]+", re.ASCII)


def create(connection: sqlite3.Connection, who: Actor, asked: Json) -> str:
    """Make a folder that belongs to its maker, and return its name.

    Raises
    ------
    RequestRefused
        If the name is not a word or is taken.
    """
    name = asked["name"]
    if not NAME.fullmatch(name):
        raise bad_request(f"{name!r} is not a folder name; use letters, digits and _")
    owners = sorted({*(asked.get("owners") or []), who.permissioned_as})
    perms = {**(asked.get("extra_perms") or {}), **dict.fromkeys(owners, True)}
    row = (who.workspace, name, asked.get("display_name") or name, asked.get("summary"))
    try:
        connection.execute(
            "INSERT INTO folder VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, json.dumps(owners), json.dumps(perms), who.username, now()),
        )
    except sqlite3.IntegrityError as fault:
        raise bad_request(f"Folder {name} already exists") from fault
    return str(name)


def exists(connection: sqlite3.Connection, workspace: str, name: str) -> bool:
    """Tell whether a folder is there."""
    found = connection.execute("SELECT 1 FROM folder WHERE workspace = ? AND name = ?", (workspace, name))
    return found.fetchone() is not None


def get(connection: sqlite3.Connection, workspace: str, name: str) -> Json:
    """Return a folder as Windmill shows it.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    found = connection.execute("SELECT * FROM folder WHERE workspace = ? AND name = ?", (workspace, name))
    return _shown(there(found.fetchone(), f"Folder not found at name {name}"))


def listed(connection: sqlite3.Connection, workspace: str) -> list[Json]:
    """Return all folders of a workspace by name."""
    found = connection.execute("SELECT * FROM folder WHERE workspace = ? ORDER BY name", (workspace,))
    return [_shown(row) for row in found]


def update(connection: sqlite3.Connection, workspace: str, name: str, asked: Json) -> None:
    """Change the fields of a folder that the request names.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    old = get(connection, workspace, name)
    new = {**old, **{key: value for key, value in asked.items() if key in old and value is not None}}
    connection.execute(
        "UPDATE folder SET display_name = ?, summary = ?, owners = ?, extra_perms = ?, edited_at = ?"
        " WHERE workspace = ? AND name = ?",
        (
            *(new["display_name"], new["summary"], json.dumps(new["owners"]), json.dumps(new["extra_perms"])),
            *(now(), workspace, name),
        ),
    )


def delete(connection: sqlite3.Connection, workspace: str, name: str) -> None:
    """Remove a folder; what stands in it stays.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    get(connection, workspace, name)
    connection.execute("DELETE FROM folder WHERE workspace = ? AND name = ?", (workspace, name))


def _shown(row: sqlite3.Row) -> Json:
    return {
        "workspace_id": row["workspace"],
        "name": row["name"],
        "display_name": row["display_name"],
        "owners": json.loads(row["owners"]),
        "extra_perms": json.loads(row["extra_perms"]),
        "summary": row["summary"],
        "created_by": row["created_by"],
        "edited_at": iso(row["edited_at"]),
        "default_permissioned_as": [],
    }
