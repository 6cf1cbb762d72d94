"""What a version of a script is made of, read from its row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.model import ScriptCode
from metaflow_windmill.devserver.store.clock import iso

if TYPE_CHECKING:
    import sqlite3

    from metaflow_windmill.types import Json


def code_of(row: sqlite3.Row) -> ScriptCode:
    """Return a version as what a job runs."""
    return ScriptCode(
        content=row["content"],
        language=row["language"],
        lock=row["lock"],
        path=row["path"],
        hash=row["hash"],
        tag=row["tag"],
        timeout=row["timeout"],
        has_preprocessor=bool(row["has_preprocessor"]),
        envs=tuple(json.loads(row["envs"] or "[]")),
        scopes=None if row["job_token_scopes"] is None else tuple(json.loads(row["job_token_scopes"])),
    )


def shown(row: sqlite3.Row) -> Json:
    """Return a version as lists show it."""
    labels, scopes = json.loads(row["labels"]), from_text(row["job_token_scopes"])
    return {
        "workspace_id": row["workspace"],
        "hash": row["hash"],
        "path": row["path"],
        "parent_hashes": from_text(row["parent_hashes"]),
        "summary": row["summary"],
        "description": row["description"],
        "created_by": row["created_by"],
        "created_at": iso(row["created_at"]),
        "archived": bool(row["archived"]),
        "deleted": bool(row["deleted"]),
        "is_template": False,
        "extra_perms": {},
        "lock_error_logs": None,
        "language": row["language"],
        "kind": row["kind"],
        "tag": row["tag"],
        "timeout": row["timeout"],
        "envs": from_text(row["envs"]),
        "has_preprocessor": bool(row["has_preprocessor"]),
        "ws_error_handler_muted": False,
        "assets": [],
        "is_draft": False,
        **({"labels": labels} if labels else {}),
        **({} if scopes is None else {"job_token_scopes": scopes}),
    }


def from_text(text: str | None) -> Json:
    """Return what a column of JSON holds."""
    return None if text is None else json.loads(text)
