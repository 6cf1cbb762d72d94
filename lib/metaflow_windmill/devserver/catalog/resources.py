"""Resources and their types: JSON values with a path, which may refer to variables and to each other."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.catalog import path_rows
from metaflow_windmill.devserver.catalog.paths import check_place
from metaflow_windmill.devserver.refusals import bad_request, there
from metaflow_windmill.devserver.store.clock import iso, now
from metaflow_windmill.devserver.store.containment import contains

if TYPE_CHECKING:
    from metaflow_windmill.devserver.model import Actor
    from metaflow_windmill.types import Json


def create(connection: sqlite3.Connection, who: Actor, asked: Json, *, replace: bool = False) -> str:
    """Make a resource, or replace it where the request allows that; return its path.

    Raises
    ------
    RequestRefused
        If the path is not valid or taken, or its folder is absent.
    """
    path = check_place(connection, who.workspace, asked["path"])
    if exists(connection, who.workspace, path):
        if not replace:
            raise bad_request(f"Resource {path} already exists")
        return update(connection, who, path, asked)
    row = {
        "workspace": who.workspace,
        "path": path,
        "value": json.dumps(asked.get("value")),
        "resource_type": asked["resource_type"],
        "description": asked.get("description") or "",
        "created_by": who.username,
        "edited_at": now(),
    }
    path_rows.insert(connection, "resource", row)
    return path


def exists(connection: sqlite3.Connection, workspace: str, path: str) -> bool:
    """Tell whether a resource is there."""
    return path_rows.find(connection, "resource", workspace, path) is not None


def value(connection: sqlite3.Connection, workspace: str, path: str) -> Json:
    """Return the value of a resource as it was written; None where there is no resource."""
    row = path_rows.find(connection, "resource", workspace, path)
    return None if row is None else json.loads(row["value"])


def get(connection: sqlite3.Connection, workspace: str, path: str) -> Json:
    """Return a resource as Windmill shows it.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    row = path_rows.get(connection, "resource", workspace, path, f"Resource {path} not found")
    return {**_shown(row), "value": json.loads(row["value"])}


def listed(
    connection: sqlite3.Connection,
    workspace: str,
    *,
    resource_type: str | None = None,
    path_start: str = "",
    holding: str | None = None,
) -> list[Json]:
    """Return the resources of a workspace without their values.

    Parameters
    ----------
    connection : Connection
    workspace : str
    resource_type : str or None
        Only those of some types, between commas.
    path_start : str
    holding : str or None
        Only those whose value contains this JSON text; none where it is not JSON.
    """
    wanted = set(resource_type.split(",")) if resource_type else None
    rows = connection.execute(
        "SELECT * FROM resource WHERE workspace = ? AND substr(path, 1, ?) = ? ORDER BY path",
        (workspace, len(path_start), path_start),
    )
    found = [row for row in rows if wanted is None or row["resource_type"] in wanted]
    if holding is not None:
        try:
            part = json.loads(holding)
        except ValueError:
            return []
        found = [row for row in found if contains(json.loads(row["value"]), part)]
    return [{**_shown(row), "value": None} for row in found]


def update(connection: sqlite3.Connection, who: Actor, path: str, asked: Json) -> str:
    """Change the fields of a resource that the request names, and return its path.

    Raises
    ------
    RequestRefused
        If it is absent, or the new path is not valid or taken.
    """
    old = get(connection, who.workspace, path)
    target = asked.get("path") or path
    if target != path:
        path_rows.free_place(connection, "resource", who.workspace, target)
    row = {key: asked[key] for key in ("description", "resource_type") if asked.get(key) is not None}
    value = json.dumps(asked["value"] if "value" in asked else old["value"])
    row |= {"path": target, "value": value, "edited_at": now()}
    path_rows.change(connection, "resource", who.workspace, path, row)
    return str(target)


def delete(connection: sqlite3.Connection, workspace: str, path: str) -> None:
    """Remove a resource.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    path_rows.remove(connection, "resource", workspace, path, f"Resource {path} not found")


def create_type(connection: sqlite3.Connection, who: Actor, asked: Json) -> str:
    """Make a resource type, and return its name.

    Raises
    ------
    RequestRefused
        If it is there.
    """
    schema = None if asked.get("schema") is None else json.dumps(asked["schema"])
    row = (who.workspace, asked["name"], schema, asked.get("description"), who.username, now())
    try:
        connection.execute("INSERT INTO resource_type VALUES (?, ?, ?, ?, ?, ?)", row)
    except sqlite3.IntegrityError as fault:
        raise bad_request(f"Resource type {asked['name']} already exists") from fault
    return str(asked["name"])


def types(connection: sqlite3.Connection, workspace: str) -> list[Json]:
    """Return the resource types of a workspace by name."""
    rows = connection.execute("SELECT * FROM resource_type WHERE workspace = ? ORDER BY name", (workspace,))
    return [
        {**dict(row), "workspace_id": row["workspace"], "schema": json.loads(row["schema"] or "null")}
        for row in rows
    ]


def get_type(connection: sqlite3.Connection, workspace: str, name: str) -> Json:
    """Return a resource type.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    found = [row for row in types(connection, workspace) if row["name"] == name]
    return there(next(iter(found), None), f"Resource type {name} not found")


def update_type(connection: sqlite3.Connection, workspace: str, name: str, asked: Json) -> None:
    """Change what the request names of a resource type: its schema, its description.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    new = {**get_type(connection, workspace, name), **asked}
    connection.execute(
        "UPDATE resource_type SET schema = ?, description = ? WHERE workspace = ? AND name = ?",
        (json.dumps(new["schema"]), new["description"], workspace, name),
    )


def delete_type(connection: sqlite3.Connection, workspace: str, name: str) -> None:
    """Remove a resource type; no fault if it is absent."""
    connection.execute("DELETE FROM resource_type WHERE workspace = ? AND name = ?", (workspace, name))


def _shown(row: sqlite3.Row) -> Json:
    return {
        "workspace_id": row["workspace"],
        "path": row["path"],
        "description": row["description"],
        "resource_type": row["resource_type"],
        "extra_perms": {},
        "created_by": row["created_by"],
        "edited_at": iso(row["edited_at"]),
        "is_linked": False,
        "is_refreshed": None,
        "is_oauth": None,
        "is_expired": None,
        "refresh_error": None,
        "account": None,
        "ws_specific": False,
        "is_draft": False,
    }
