"""The small store of keys and values that each run of a flow has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.store import canonical

if TYPE_CHECKING:
    import sqlite3

    from metaflow_windmill.types import Json


def get(connection: sqlite3.Connection, flow_job: str, key: str) -> Json:
    """Return the value of a key, or None."""
    row = connection.execute(
        "SELECT value FROM user_state WHERE flow = ? AND key = ?", (flow_job, key)
    ).fetchone()
    return None if row is None else json.loads(row[0])


def put(connection: sqlite3.Connection, flow_job: str, key: str, value: Json) -> None:
    """Set the value of a key."""
    connection.execute(
        "INSERT OR REPLACE INTO user_state (flow, key, value) VALUES (?, ?, ?)",
        (flow_job, key, canonical.dump(value)),
    )


def every(connection: sqlite3.Connection, flow_job: str) -> dict[str, Json]:
    """Return all keys of a run with their values."""
    rows = connection.execute("SELECT key, value FROM user_state WHERE flow = ?", (flow_job,))
    return {row[0]: json.loads(row[1]) for row in rows}
