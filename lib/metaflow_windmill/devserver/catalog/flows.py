"""Flows and their versions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.catalog import path_rows
from metaflow_windmill.devserver.catalog.path_rows import EVERY
from metaflow_windmill.devserver.model import RunnableFlow
from metaflow_windmill.devserver.refusals import not_found, there
from metaflow_windmill.devserver.store import job_rows
from metaflow_windmill.devserver.store.clock import iso, now
from metaflow_windmill.openflow.rewritten import rewritten

if TYPE_CHECKING:
    import sqlite3

    from metaflow_windmill.devserver.catalog.path_rows import Selection
    from metaflow_windmill.devserver.model import Actor
    from metaflow_windmill.types import Json

CURRENT = """SELECT flow.*, flow_version.value, flow_version.schema FROM flow
    JOIN flow_version ON flow_version.id = flow.version WHERE flow.workspace = ? AND flow.path = ?"""


def create(connection: sqlite3.Connection, who: Actor, asked: Json) -> RunnableFlow:
    """Deploy a flow at a path that holds none.

    Raises
    ------
    RequestRefused
        If the path is not valid, its folder is absent, or a flow stands there.
    """
    path = path_rows.free_place(connection, "flow", who.workspace, asked["path"])
    row = {
        "workspace": who.workspace,
        "path": path,
        "labels": "[]",
        **_new_version(connection, who, asked, path),
    }
    path_rows.insert(connection, "flow", row)
    return _runnable(connection.execute(CURRENT, (who.workspace, path)).fetchone())


def update(connection: sqlite3.Connection, who: Actor, path: str, asked: Json) -> RunnableFlow:
    """Deploy a new version of a flow, under a new path where the request names one.

    Raises
    ------
    RequestRefused
        If there is no flow at the path, or the new path is not valid or taken.
    """
    if not exists(connection, who.workspace, path):
        raise not_found(f"Flow not found at name {path}")
    target = asked.get("path") or path
    if target != path:
        path_rows.free_place(connection, "flow", who.workspace, target)
        _move(connection, who.workspace, path, target)
    row = {"archived": False, **_new_version(connection, who, asked, target)}
    path_rows.change(connection, "flow", who.workspace, target, row)
    return _runnable(connection.execute(CURRENT, (who.workspace, target)).fetchone())


def exists(connection: sqlite3.Connection, workspace: str, path: str) -> bool:
    """Tell whether a flow stands at a path, archived or not."""
    return path_rows.find(connection, "flow", workspace, path) is not None


def get(connection: sqlite3.Connection, workspace: str, path: str) -> Json:
    """Return the latest version of a flow as Windmill shows it.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    row = there(connection.execute(CURRENT, (workspace, path)).fetchone(), f"Flow not found at path {path}")
    return {**_shown(row), **_content(row), "version_id": row["version"]}


def get_version(connection: sqlite3.Connection, workspace: str, version: int) -> Json:
    """Return one version of a flow.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    row = connection.execute(
        "SELECT * FROM flow_version WHERE workspace = ? AND id = ?", (workspace, version)
    ).fetchone()
    there(row, f"Flow version not found at name {version}")
    return {**get(connection, workspace, row["path"]), **_content(row), "version_id": row["id"]}


def latest(connection: sqlite3.Connection, workspace: str, path: str) -> RunnableFlow | None:
    """Return what a run of a flow runs; an archived flow can be run as well."""
    row = connection.execute(CURRENT, (workspace, path)).fetchone()
    return None if row is None else _runnable(row)


def at_version(connection: sqlite3.Connection, workspace: str, version: int) -> RunnableFlow | None:
    """Return one version of a flow, ready to run."""
    row = connection.execute(
        "SELECT flow_version.id AS version, flow_version.value, flow.path, flow.labels, flow.tag"
        " FROM flow_version JOIN flow USING (workspace, path)"
        " WHERE flow_version.workspace = ? AND flow_version.id = ?",
        (workspace, version),
    ).fetchone()
    return None if row is None else _runnable(row)


def followed(connection: sqlite3.Connection, workspace: str, path: str, version: int) -> int | None:
    """Return when the version after a given one was deployed, in microseconds; None if it is the newest."""
    found: int | None = connection.execute(
        "SELECT min(created_at) FROM flow_version WHERE workspace = ? AND path = ? AND id > ?",
        (workspace, path, version),
    ).fetchone()[0]
    return found


def listed(connection: sqlite3.Connection, workspace: str, wanted: Selection = EVERY) -> list[Json]:
    """Return flows of a workspace, the newest change first, without their values."""
    found = wanted.rows(connection, "flow", workspace, "true", "edited_at DESC, path")
    return [{**_shown(row), "starred": False, "ws_error_handler_muted": False} for row in found]


def history(connection: sqlite3.Connection, workspace: str, path: str) -> list[Json]:
    """Return the versions of a flow, the newest first."""
    versions = connection.execute(
        "SELECT id, created_at, deployment_message FROM flow_version"
        " WHERE workspace = ? AND path = ? ORDER BY id DESC",
        (workspace, path),
    )
    return [_told(row) for row in versions]


def latest_version(connection: sqlite3.Connection, workspace: str, path: str) -> Json:
    """Return the newest version's number and time; None where there is no such flow."""
    return next(iter(history(connection, workspace, path)), None)


def deployment_status(connection: sqlite3.Connection, workspace: str, path: str) -> Json:
    """Return the job that locks the dependencies of the latest version.

    Raises
    ------
    RequestRefused
        If there is no such flow.
    """
    row = path_rows.get(connection, "flow", workspace, path, f"Flow not found at name {path}")
    job = row["dependency_job"]
    return {"lock_error_logs": job_rows.failure_text(connection, job), "job_id": job}


def set_dependency_job(connection: sqlite3.Connection, workspace: str, path: str, job_id: str) -> None:
    """Keep which job locks the latest version of a flow."""
    path_rows.change(connection, "flow", workspace, path, {"dependency_job": job_id})


def set_value(connection: sqlite3.Connection, workspace: str, version: int, value: Json) -> None:
    """Replace the value of one version: the same with its scripts locked."""
    connection.execute(
        "UPDATE flow_version SET value = ? WHERE workspace = ? AND id = ?",
        (json.dumps(value), workspace, version),
    )


def archive(connection: sqlite3.Connection, workspace: str, path: str, *, archived: bool) -> None:
    """Hide a flow from lists, or show it again."""
    path_rows.change(connection, "flow", workspace, path, {"archived": archived})


def delete(connection: sqlite3.Connection, workspace: str, path: str) -> None:
    """Remove a flow with its versions; no fault if it is absent. Its jobs stay."""
    path_rows.remove(connection, "flow", workspace, path)
    path_rows.remove(connection, "flow_version", workspace, path)


def _new_version(connection: sqlite3.Connection, who: Actor, asked: Json, path: str) -> dict[str, Json]:
    """Keep a version, and return what it makes of the flow's row."""
    version = {
        "workspace": who.workspace,
        "path": path,
        "value": json.dumps(rewritten(asked["value"])),
        "schema": None if asked.get("schema") is None else json.dumps(asked["schema"]),
        "deployment_message": asked.get("deployment_message"),
        "created_by": who.username,
        "created_at": now(),
    }
    return {
        "version": path_rows.insert(connection, "flow_version", version),
        "summary": asked["summary"],
        "description": asked.get("description") or "",
        "tag": asked.get("tag"),
        "edited_by": who.username,
        "edited_at": now(),
        **({} if asked.get("labels") is None else {"labels": json.dumps(asked["labels"])}),
    }


def _move(connection: sqlite3.Connection, workspace: str, old: str, new: str) -> None:
    for statement in (
        "UPDATE flow SET path = ? WHERE workspace = ? AND path = ?",
        "UPDATE flow_version SET path = ? WHERE workspace = ? AND path = ?",
        "UPDATE schedule SET script_path = ? WHERE workspace = ? AND script_path = ? AND is_flow",
        "UPDATE http_trigger SET script_path = ? WHERE workspace = ? AND script_path = ? AND is_flow",
    ):
        connection.execute(statement, (new, workspace, old))


def _runnable(row: sqlite3.Row) -> RunnableFlow:
    labels = tuple(json.loads(row["labels"]))
    return RunnableFlow(row["path"], row["version"], json.loads(row["value"]), labels, row["tag"])


def _shown(row: sqlite3.Row) -> Json:
    labels = json.loads(row["labels"])
    return {
        "workspace_id": row["workspace"],
        "path": row["path"],
        "summary": row["summary"],
        "description": row["description"],
        "edited_by": row["edited_by"],
        "edited_at": iso(row["edited_at"]),
        "archived": bool(row["archived"]),
        "extra_perms": {},
        "tag": row["tag"],
        "is_draft": False,
        **({"labels": labels} if labels else {}),
    }


def _told(row: sqlite3.Row) -> Json:
    message = row["deployment_message"]
    return {
        "id": row["id"],
        "created_at": iso(row["created_at"]),
        **({"deployment_msg": message} if message else {}),
    }


def _content(row: sqlite3.Row) -> Json:
    return {"value": json.loads(row["value"]), "schema": json.loads(row["schema"] or "null")}
