"""HTTP triggers: routes of the workspace's own that start a script or a flow."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.catalog import path_rows
from metaflow_windmill.devserver.catalog.paths import check_place
from metaflow_windmill.devserver.refusals import bad_request
from metaflow_windmill.devserver.store.clock import iso, now

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from metaflow_windmill.devserver.model import Actor
    from metaflow_windmill.types import Json

METHODS = ("get", "post", "put", "delete", "patch")
REQUEST_TYPES = ("sync", "async", "sync_sse")
AUTHENTICATION = ("none", "windmill", "api_key", "basic_http", "custom_script", "signature")
MODES = ("enabled", "disabled", "suspended")
ROUTE = re.compile(r":?[\w-]+(/:?[\w.-]+)*", re.ASCII)
COLUMNS = (
    *("path", "route_path", "workspaced_route", "http_method", "script_path", "is_flow", "request_type"),
    *("authentication_method", "authentication_resource_path", "wrap_body", "raw_string", "mode"),
    *("summary", "description", "labels"),
)


@dataclass(frozen=True)
class Trigger:
    """A trigger that a request has met.

    Parameters
    ----------
    workspace, path, route_path, script_path : str
    is_flow, wrap_body, raw_string : bool
    request_type, authentication_method : str
    authentication_resource_path : str or None
    username, email : str
        Whom the run acts for.
    params : mapping
        The parts of the route that begin with a colon.
    """

    workspace: str
    path: str
    route_path: str
    script_path: str
    is_flow: bool
    wrap_body: bool
    raw_string: bool
    request_type: str
    authentication_method: str
    authentication_resource_path: str | None
    username: str
    email: str
    params: Mapping[str, str]


def create(connection: sqlite3.Connection, who: Actor, asked: Json) -> str:
    """Make a trigger, and return its path.

    Raises
    ------
    RequestRefused
        If the path or the route is not valid or taken, or an option is not one that there is.
    """
    check_place(connection, who.workspace, asked["path"])
    row = _checked(asked)
    if exists(connection, who.workspace, row["path"]):
        raise bad_request(f"Trigger {row['path']} already exists")
    _check_route(connection, who.workspace, row)
    path_rows.insert(connection, "http_trigger", {"workspace": who.workspace, **row, **_edited(who)})
    return str(row["path"])


def update(connection: sqlite3.Connection, who: Actor, path: str, asked: Json) -> str:
    """Change a trigger, and return its path.

    Raises
    ------
    RequestRefused
        If it is absent, or as for `create`.
    """
    old = get(connection, who.workspace, path)
    row = _checked({**old, **asked})
    if row["path"] != path:
        path_rows.free_place(connection, "http_trigger", who.workspace, row["path"])
    _check_route(connection, who.workspace, row, but=path)
    path_rows.change(connection, "http_trigger", who.workspace, path, {**row, **_edited(who)})
    return str(row["path"])


def set_mode(connection: sqlite3.Connection, workspace: str, path: str, mode: str) -> None:
    """Switch a trigger on or off.

    Raises
    ------
    RequestRefused
        If it is absent, or there is no such mode.
    """
    if mode not in MODES:
        raise bad_request(f"mode must be one of {', '.join(MODES)}")
    get(connection, workspace, path)
    path_rows.change(connection, "http_trigger", workspace, path, {"mode": mode})


def exists(connection: sqlite3.Connection, workspace: str, path: str) -> bool:
    """Tell whether a trigger is there."""
    return path_rows.find(connection, "http_trigger", workspace, path) is not None


def get(connection: sqlite3.Connection, workspace: str, path: str) -> Json:
    """Return a trigger as Windmill shows it.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    return _shown(path_rows.get(connection, "http_trigger", workspace, path, f"Trigger {path} not found"))


def listed(connection: sqlite3.Connection, workspace: str, path_start: str = "") -> list[Json]:
    """Return the triggers of a workspace by path."""
    rows = connection.execute(
        "SELECT * FROM http_trigger WHERE workspace = ? AND substr(path, 1, ?) = ? ORDER BY path",
        (workspace, len(path_start), path_start),
    )
    return [_shown(row) for row in rows]


def delete(connection: sqlite3.Connection, workspace: str, path: str) -> None:
    """Remove a trigger.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    path_rows.remove(connection, "http_trigger", workspace, path, f"Trigger {path} not found")


def route_exists(connection: sqlite3.Connection, workspace: str, asked: Json) -> bool:
    """Tell whether a route is taken."""
    rows = connection.execute("SELECT * FROM http_trigger WHERE http_method = ?", (asked["http_method"],))
    wanted = _full_route(workspace, asked["route_path"], workspaced=bool(asked.get("workspaced_route")))
    return any(_same_route(wanted, _route(row)) for row in rows if row["path"] != asked.get("trigger_path"))


def find(connection: sqlite3.Connection, method: str, called: str) -> Trigger | None:
    """Return the trigger that a request's method and route meet; routes without parameters come first."""
    rows = connection.execute(
        "SELECT * FROM http_trigger WHERE http_method = ? AND mode = 'enabled'"
        " ORDER BY instr(route_path, ':') > 0",
        (method.lower(),),
    )
    for row in rows:
        params = match(_route(row), called)
        if params is not None:
            return _trigger(row, params)
    return None


def match(route: str, called: str) -> dict[str, str] | None:
    """Return the parameters of a route in a path that was called; None if they do not meet."""
    wanted, given = route.split("/"), called.strip("/").split("/")
    if len(wanted) != len(given):
        return None
    pairs = list(zip(wanted, given, strict=True))
    if any(part != got for part, got in pairs if not part.startswith(":")):
        return None
    return {part[1:]: got for part, got in pairs if part.startswith(":")}


def _checked(asked: Json) -> dict[str, Json]:
    for name, allowed in (
        ("http_method", METHODS),
        ("request_type", REQUEST_TYPES),
        ("authentication_method", AUTHENTICATION),
    ):
        if asked[name] not in allowed:
            raise bad_request(f"{name} must be one of {', '.join(allowed)}")
    if not ROUTE.fullmatch(asked["route_path"]):
        raise bad_request(
            f"route_path {asked['route_path']!r} must be letters, digits, _ and -, without a leading /"
        )
    if asked["authentication_method"] in ("signature", "api_key", "basic_http") and not asked.get(
        "authentication_resource_path"
    ):
        raise bad_request(
            f"{asked['authentication_method']} authentication needs authentication_resource_path"
        )
    defaults = {"mode": "enabled", "workspaced_route": False, "wrap_body": False, "raw_string": False}
    row = {
        **dict.fromkeys(COLUMNS),
        **defaults,
        **{key: asked[key] for key in COLUMNS if asked.get(key) is not None},
    }
    return {**row, "labels": json.dumps(asked.get("labels") or [])}


def _edited(who: Actor) -> dict[str, Json]:
    return {"edited_by": who.username, "email": who.email, "edited_at": now()}


def _check_route(
    connection: sqlite3.Connection, workspace: str, row: dict[str, Json], but: str | None = None
) -> None:
    if route_exists(connection, workspace, {**row, "trigger_path": but}):
        raise bad_request(
            f"a trigger with route {row['route_path']} and method {row['http_method']} already exists"
        )


def _route(row: sqlite3.Row) -> str:
    return _full_route(row["workspace"], row["route_path"], workspaced=bool(row["workspaced_route"]))


def _full_route(workspace: str, route_path: str, *, workspaced: bool) -> str:
    return f"{workspace}/{route_path}" if workspaced else str(route_path)


def _same_route(one: str, other: str) -> bool:
    return re.sub(r":[^/]+", ":", one) == re.sub(r":[^/]+", ":", other)


def _trigger(row: sqlite3.Row, params: dict[str, str]) -> Trigger:
    return Trigger(
        workspace=row["workspace"],
        path=row["path"],
        route_path=row["route_path"],
        script_path=row["script_path"],
        is_flow=bool(row["is_flow"]),
        wrap_body=bool(row["wrap_body"]),
        raw_string=bool(row["raw_string"]) or row["authentication_method"] == "signature",
        request_type=row["request_type"],
        authentication_method=row["authentication_method"],
        authentication_resource_path=row["authentication_resource_path"],
        username=row["edited_by"],
        email=row["email"],
        params=params,
    )


def _shown(row: sqlite3.Row) -> Json:
    flags = ("workspaced_route", "is_flow", "wrap_body", "raw_string")
    return {
        **{name: row[name] for name in COLUMNS},
        **{name: bool(row[name]) for name in flags},
        "labels": json.loads(row["labels"]),
        "workspace_id": row["workspace"],
        "permissioned_as": f"u/{row['edited_by']}",
        "edited_by": row["edited_by"],
        "email": row["email"],
        "edited_at": iso(row["edited_at"]),
        "extra_perms": {},
        "is_static_website": False,
        "is_draft": False,
    }
