"""Variables: texts with a path, encrypted at rest if they are secret."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.catalog.paths import check_place
from metaflow_windmill.devserver.refusals import bad_request, not_found
from metaflow_windmill.devserver.store.clock import iso, now

if TYPE_CHECKING:
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
    path = check_place(connection, who.workspace, asked["path"])
    secret = bool(asked["is_secret"])
    stored = vault.seal(asked["value"]) if secret else asked["value"]
    row = (who.workspace, path, stored, secret, asked.get("description") or "", who.username, now())
    try:
        connection.execute("INSERT INTO variable VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    except sqlite3.IntegrityError as fault:
        raise bad_request(f"Variable {path} already exists") from fault
    return path


def value(connection: sqlite3.Connection, vault: Vault, workspace: str, path: str) -> str | None:
    """Return a variable's text, decrypted; None where it is absent."""
    row = _row(connection, workspace, path)
    return None if row is None else _opened(row, vault)


def is_secret(connection: sqlite3.Connection, workspace: str, path: str) -> bool:
    """Tell whether a variable is there and secret."""
    row = _row(connection, workspace, path)
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
    row = _row(connection, workspace, path)
    if row is None:
        raise not_found(f"Variable {path} not found")
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
    row = _row(connection, who.workspace, path)
    if row is None:
        raise not_found(f"Variable {path} not found")
    secret = bool(row["is_secret"] if asked.get("is_secret") is None else asked["is_secret"])
    text = _opened(row, vault) if asked.get("value") is None else asked["value"]
    target = asked.get("path") or path
    if target != path:
        _check_free(connection, who.workspace, target)
    connection.execute(
        "UPDATE variable SET path = ?, value = ?, is_secret = ?, description = ?,"
        " edited_by = ?, edited_at = ? WHERE workspace = ? AND path = ?",
        (
            *(target, vault.seal(text) if secret else text, secret),
            *(row["description"] if asked.get("description") is None else asked["description"], who.username),
            *(now(), who.workspace, path),
        ),
    )
    return str(target)


def exists(connection: sqlite3.Connection, workspace: str, path: str) -> bool:
    """Tell whether a variable is there."""
    return _row(connection, workspace, path) is not None


def delete(connection: sqlite3.Connection, workspace: str, path: str) -> None:
    """Remove a variable; no fault if it is absent."""
    connection.execute("DELETE FROM variable WHERE workspace = ? AND path = ?", (workspace, path))


def _check_free(connection: sqlite3.Connection, workspace: str, path: str) -> None:
    if exists(connection, workspace, check_place(connection, workspace, path)):
        raise bad_request(f"Variable {path} already exists")


def _row(connection: sqlite3.Connection, workspace: str, path: str) -> sqlite3.Row | None:
    found: sqlite3.Row | None = connection.execute(
        "SELECT * FROM variable WHERE workspace = ? AND path = ?", (workspace, path)
    ).fetchone()
    return found


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
