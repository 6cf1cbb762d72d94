"""Schedules: which runnable starts when, and when each is due next."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from metaflow_windmill.devserver.catalog import path_rows
from metaflow_windmill.devserver.refusals import bad_request, not_found
from metaflow_windmill.devserver.schedules.cron_patterns import (
    InvalidPattern,
    Pattern,
    next_time,
    read_pattern,
)
from metaflow_windmill.devserver.store.clock import EPOCH, from_datetime, iso, now, read_instant

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from metaflow_windmill.devserver.model import Actor
    from metaflow_windmill.types import Json

CHANGEABLE = ("schedule", "timezone", "args", "no_flow_overlap", "tag", "summary", "description", "labels")


@dataclass(frozen=True)
class Due:
    """A schedule whose time has come.

    Parameters
    ----------
    workspace, path, script_path : str
    is_flow : bool
    args : dict
    tick : int
        The instant it is due for, in microseconds since 1970.
    no_flow_overlap : bool
        Whether a run is skipped while the last one goes on.
    last_job : str or None
        The run of the tick before.
    tag : str or None
    username, email : str
        Whom the runs act for.
    """

    workspace: str
    path: str
    script_path: str
    is_flow: bool
    args: dict[str, Json]
    tick: int
    no_flow_overlap: bool
    last_job: str | None
    tag: str | None
    username: str
    email: str


def create(connection: sqlite3.Connection, who: Actor, asked: Json) -> str:
    """Make a schedule, and return its path.

    Raises
    ------
    RequestRefused
        If the path is not valid or taken, its folder is absent, the pattern or the time zone is not valid, or
        there is nothing to run at ``script_path``.
    """
    path = path_rows.free_place(connection, "schedule", who.workspace, asked["path"])
    _check_target(connection, who.workspace, asked)
    enabled = asked.get("enabled") is not False
    first = _first(asked["schedule"], asked["timezone"], asked.get("paused_until"))
    row = {
        "workspace": who.workspace,
        "path": path,
        "script_path": asked["script_path"],
        "is_flow": asked["is_flow"],
        "enabled": enabled,
        "next_tick": first if enabled else None,
        **_columns(who, asked, asked.get("paused_until")),
    }
    path_rows.insert(connection, "schedule", row)
    return path


def update(connection: sqlite3.Connection, who: Actor, path: str, asked: Json) -> str:
    """Change a schedule's time, arguments and options; whether it is enabled stays.

    Raises
    ------
    RequestRefused
        If it is absent, or the pattern or the time zone is not valid.
    """
    old = get(connection, who.workspace, path)
    new = {key: asked[key] if key in asked else old.get(key) for key in CHANGEABLE}
    first = _first(new["schedule"], new["timezone"], asked.get("paused_until"))
    row = {**_columns(who, new, asked.get("paused_until")), "next_tick": first if old["enabled"] else None}
    path_rows.change(connection, "schedule", who.workspace, path, row)
    return path


def set_enabled(connection: sqlite3.Connection, workspace: str, path: str, *, enabled: bool) -> None:
    """Switch a schedule on or off.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    old = get(connection, workspace, path)
    first = _first(old["schedule"], old["timezone"], None) if enabled else None
    path_rows.change(connection, "schedule", workspace, path, {"enabled": enabled, "next_tick": first})


def exists(connection: sqlite3.Connection, workspace: str, path: str) -> bool:
    """Tell whether a schedule is there."""
    return path_rows.find(connection, "schedule", workspace, path) is not None


def get(connection: sqlite3.Connection, workspace: str, path: str) -> Json:
    """Return a schedule as Windmill shows it.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    row = path_rows.get(connection, "schedule", workspace, path, f"Schedule {path} not found")
    return {
        **_shown(row),
        "args": json.loads(row["args"]),
        "email": row["email"],
        "permissioned_as": f"u/{row['edited_by']}",
        "ws_error_handler_muted": False,
        "no_flow_overlap": bool(row["no_flow_overlap"]),
        "tag": row["tag"],
        "description": row["description"],
        "cron_version": "v2",
    }


def listed(
    connection: sqlite3.Connection,
    workspace: str,
    *,
    path: str | None = None,
    path_start: str = "",
    is_flow: bool | None = None,
) -> list[Json]:
    """Return the schedules of a workspace by path; ``path`` is that of the runnable."""
    rows = connection.execute(
        "SELECT * FROM schedule WHERE workspace = ? AND (? IS NULL OR script_path = ?)"
        " AND substr(path, 1, ?) = ? AND (? IS NULL OR is_flow = ?) ORDER BY path",
        (workspace, path, path, len(path_start), path_start, is_flow, is_flow),
    )
    return [_shown(row) for row in rows]


def upcoming(connection: sqlite3.Connection, workspace: str) -> list[Json]:
    """Return the schedules of a workspace by path, with when each is due next and its last run."""
    rows = connection.execute("SELECT * FROM schedule WHERE workspace = ? ORDER BY path", (workspace,))
    return [{**_shown(row), "next_tick": row["next_tick"], "last_job": row["last_job"]} for row in rows]


def delete(connection: sqlite3.Connection, workspace: str, path: str) -> None:
    """Remove a schedule.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    path_rows.remove(connection, "schedule", workspace, path, f"Schedule {path} not found")


def next_tick(connection: sqlite3.Connection) -> int | None:
    """Return when the next schedule of all workspaces is due."""
    found: int | None = connection.execute("SELECT min(next_tick) FROM schedule").fetchone()[0]
    return found


def due(connection: sqlite3.Connection, instant: int) -> list[Due]:
    """Return the schedules that are due at an instant, the longest due first."""
    rows = connection.execute(
        "SELECT * FROM schedule WHERE next_tick <= ? ORDER BY next_tick, workspace, path", (instant,)
    )
    return [
        Due(
            workspace=row["workspace"],
            path=row["path"],
            script_path=row["script_path"],
            is_flow=bool(row["is_flow"]),
            args=json.loads(row["args"]),
            tick=row["next_tick"],
            no_flow_overlap=bool(row["no_flow_overlap"]),
            last_job=row["last_job"],
            tag=row["tag"],
            username=row["edited_by"],
            email=row["email"],
        )
        for row in rows
    ]


def advance(connection: sqlite3.Connection, done: Due, job_id: str | None, instant: int) -> None:
    """Move a schedule to its first tick after an instant: ticks that were missed are not made up for."""
    row = connection.execute(
        "SELECT * FROM schedule WHERE workspace = ? AND path = ? AND next_tick = ?",
        (done.workspace, done.path, done.tick),
    ).fetchone()
    if row is None:  # changed or removed in the meantime
        return
    following = _after(read_pattern(row["schedule"]), ZoneInfo(row["timezone"]), instant)
    connection.execute(
        "UPDATE schedule SET next_tick = ?, last_job = coalesce(?, last_job)"
        " WHERE workspace = ? AND path = ?",
        (following, job_id, done.workspace, done.path),
    )


def check_pattern(schedule: str, timezone: str) -> tuple[Pattern, ZoneInfo]:
    """Read the time of a schedule.

    Raises
    ------
    RequestRefused
        If the pattern or the time zone is not valid.
    """
    try:
        pattern = read_pattern(schedule)
    except InvalidPattern as fault:
        raise bad_request(f"cron: Invalid pattern: {fault}") from fault
    try:
        zone = ZoneInfo(timezone)
    except (OSError, ValueError, KeyError) as fault:  # ZoneInfoNotFoundError is a KeyError
        raise bad_request(f"failed to parse timezone {timezone!r}; write one like Etc/UTC") from fault
    return pattern, zone


def _first(schedule: str, timezone: str, paused_until: Json) -> int:
    pattern, zone = check_pattern(schedule, timezone)
    found = _after(pattern, zone, max(now(), _paused(paused_until) or 0))
    if found is None:
        raise bad_request(f"cron: {schedule!r} never comes")
    return found


def _after(pattern: Pattern, zone: ZoneInfo, instant: int) -> int | None:
    found: datetime | None = next_time(pattern, zone, EPOCH + timedelta(microseconds=instant))
    return None if found is None else from_datetime(found)


def _paused(text: Json) -> int | None:
    if text is None:
        return None
    try:
        return from_datetime(read_instant(text))
    except (ValueError, AttributeError) as fault:
        raise bad_request(f"paused_until: {text!r} is not an instant like 2030-01-31T10:00:00Z") from fault


def _columns(who: Actor, told: Json, paused_until: Json) -> dict[str, Json]:
    """Return the columns that a new schedule and a change of one have in common."""
    return {
        "schedule": told["schedule"],
        "timezone": told["timezone"],
        "args": json.dumps(told.get("args") or {}),
        "no_flow_overlap": bool(told.get("no_flow_overlap")),
        "tag": told.get("tag"),
        "summary": told.get("summary"),
        "description": told.get("description"),
        "labels": json.dumps(told.get("labels") or []),
        "paused_until": _paused(paused_until),
        "edited_by": who.username,
        "email": who.email,
        "edited_at": now(),
    }


def _check_target(connection: sqlite3.Connection, workspace: str, asked: Json) -> None:
    path = asked["script_path"]
    query = (
        "SELECT 1 FROM flow WHERE workspace = ? AND path = ?"
        if asked["is_flow"]
        else "SELECT 1 FROM script WHERE workspace = ? AND path = ? AND NOT deleted"
    )
    if connection.execute(query, (workspace, path)).fetchone() is None:
        raise not_found(f"{'flow' if asked['is_flow'] else 'script'} not found at name {path}")


def _shown(row: sqlite3.Row) -> Json:
    labels = json.loads(row["labels"])
    return {
        "workspace_id": row["workspace"],
        "path": row["path"],
        "edited_by": row["edited_by"],
        "edited_at": iso(row["edited_at"]),
        "schedule": row["schedule"],
        "timezone": row["timezone"],
        "enabled": bool(row["enabled"]),
        "script_path": row["script_path"],
        "is_flow": bool(row["is_flow"]),
        "summary": row["summary"],
        "extra_perms": {},
        "paused_until": iso(row["paused_until"]),
        "is_draft": False,
        **({"labels": labels} if labels else {}),
    }
