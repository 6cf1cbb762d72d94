"""Variables: texts with a path, encrypted at rest if they are secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.catalog import path_rows
from metaflow_windmill.devserver.store.clock import iso, now

if TYPE_CHECKING:
    import sqlite3

    from metaflow_windmill.devserver.catalog.vault import Vault
    from metaflow_windmill.devserver.model import Actor
    from metaflow_windmill.types import Json


def create(connection: sqlite3.Connection, vault: Vault, who: Actor, asked: Json) -> str:
    """Make a variable, and return its path.

    Raises
    ------
    RequestRefused
        If the path is not valid or taken, or its folder is absent.
    """
    path = path_rows.free_place(connection, "variable", who.workspace, asked["path"])
    secret = bool(asked["is_secret"])
    stored = vault.seal(asked["value"]) if secret else asked["value"]
    row = {"workspace": who.workspace, "path": path, "value": stored, "is_secret": secret}
    row |= {"description": asked.get("description") or "", "edited_by": who.username, "edited_at": now()}
    path_rows.insert(connection, "variable", row)
    return path


def value(connection: sqlite3.Connection, vault: Vault, workspace: str, path: str) -> str | None:
    """Return a variable's text, decrypted; None where it is absent."""
    row = path_rows.find(connection, "variable", workspace, path)
    return None if row is None else _opened(row, vault)


def is_secret(connection: sqlite3.Connection, workspace: str, path: str) -> bool:
    """Tell whether a variable is there and secret."""
    row = path_rows.find(connection, "variable", workspace, path)
    return row is not None and bool(row["is_secret"])


def secrets(connection: sqlite3.Connection, vault: Vault, workspace: str) -> list[str]:
    """Return the texts of all secret variables, decrypted."""
    rows = connection.execute("SELECT * FROM variable WHERE workspace = ? AND is_secret", (workspace,))
    return [_opened(row, vault) for row in rows]


def get(
    connection: sqlite3.Connection, vault: Vault, workspace: str, path: str, *, decrypt: bool = True
) -> Json:
    """Return a variable as Windmill shows it; a secret's value only where it is asked for.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    row = path_rows.get(connection, "variable", workspace, path, f"Variable {path} not found")
    hidden = bool(row["is_secret"]) and not decrypt
    return {**_shown(row), "value": None if hidden else _opened(row, vault)}


def listed(connection: sqlite3.Connection, workspace: str, path_start: str = "") -> list[Json]:
    """Return the variables of a workspace by path; the values of secrets are left out."""
    rows = connection.execute(
        "SELECT * FROM variable WHERE workspace = ? AND substr(path, 1, ?) = ? ORDER BY path",
        (workspace, len(path_start), path_start),
    )
    return [{**_shown(row), "value": None if row["is_secret"] else row["value"]} for row in rows]


def update(connection: sqlite3.Connection, vault: Vault, who: Actor, path: str, asked: Json) -> str:
    """Change the fields of a variable that the request names, and return its path.

    Raises
    ------
    RequestRefused
        If it is absent, or the new path is not valid or taken.
    """
    row = path_rows.get(connection, "variable", who.workspace, path, f"Variable {path} not found")
    secret = bool(row["is_secret"] if asked.get("is_secret") is None else asked["is_secret"])
    text = _opened(row, vault) if asked.get("value") is None else asked["value"]
    target = asked.get("path") or path
    if target != path:
        path_rows.free_place(connection, "variable", who.workspace, target)
    changes = {"path": target, "value": vault.seal(text) if secret else text, "is_secret": secret}
    changes |= {} if asked.get("description") is None else {"description": asked["description"]}
    changes |= {"edited_by": who.username, "edited_at": now()}
    path_rows.change(connection, "variable", who.workspace, path, changes)
    return str(target)


def exists(connection: sqlite3.Connection, workspace: str, path: str) -> bool:
    """Tell whether a variable is there."""
    return path_rows.find(connection, "variable", workspace, path) is not None


def delete(connection: sqlite3.Connection, workspace: str, path: str) -> None:
    """Remove a variable; no fault if it is absent."""
    path_rows.remove(connection, "variable", workspace, path)


def _opened(row: sqlite3.Row, vault: Vault) -> str:
    return vault.open(row["value"]) if row["is_secret"] else str(row["value"])


def _shown(row: sqlite3.Row) -> Json:
    return {
        "workspace_id": row["workspace"],
        "path": row["path"],
        "is_secret": bool(row["is_secret"]),
        "description": row["description"],
        "extra_perms": {},
        "account": None,
        "is_oauth": False,
        "is_expired": None,
        "is_refreshed": None,
        "refresh_error": None,
        "is_linked": False,
        "expires_at": None,
        "ws_specific": False,
        "edited_at": iso(row["edited_at"]),
        "edited_by": row["edited_by"],
        "is_draft": False,
    }
