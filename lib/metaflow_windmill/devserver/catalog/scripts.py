"""Scripts: each version has a hash, and the latest one that is not archived answers for the path."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.catalog import path_rows
from metaflow_windmill.devserver.catalog.path_rows import EVERY
from metaflow_windmill.devserver.catalog.paths import check_place
from metaflow_windmill.devserver.catalog.script_rows import code_of, from_text, shown
from metaflow_windmill.devserver.refusals import bad_request, there
from metaflow_windmill.devserver.store import job_rows
from metaflow_windmill.devserver.store.clock import now

if TYPE_CHECKING:
    import sqlite3

    from metaflow_windmill.devserver.catalog.path_rows import Selection
    from metaflow_windmill.devserver.model import Actor, ScriptCode
    from metaflow_windmill.types import Json

PREPROCESSOR = re.compile(r"^(async )?def preprocessor\(", re.MULTILINE)
CONTENT = (
    *("summary", "description", "content", "language", "kind", "schema", "lock", "tag", "timeout", "envs"),
    *("labels", "job_token_scopes"),
)
"""What makes a version differ from its parent."""


def create(
    connection: sqlite3.Connection, who: Actor, asked: Json, *, skip_noop: bool = False
) -> tuple[str, bool]:
    """Deploy a version of a script; return its hash, and whether it is a new one.

    Raises
    ------
    RequestRefused
        If the path is not valid or its folder is absent, if the path is taken and the request does not name
        the latest version as its parent.
    """
    path = check_place(connection, who.workspace, asked["path"])
    wanted = _fields(asked)
    head = _head(connection, who.workspace, path)
    if head is not None and "job_token_scopes" not in asked:
        wanted["job_token_scopes"] = head["job_token_scopes"]
    if head is not None:
        _check_lineage(asked, head, path)
        if skip_noop and all(head[key] == wanted[key] for key in CONTENT):
            return str(head["hash"]), False
    elif asked.get("parent_hash") and _by_hash(connection, who.workspace, asked["parent_hash"]) is None:
        raise bad_request(f"The parent version {asked['parent_hash']} of {path} does not exist")
    return _insert(connection, who, asked, wanted, head), True


def exists(connection: sqlite3.Connection, workspace: str, path: str) -> bool:
    """Tell whether a path holds a script that is not archived."""
    return _head(connection, workspace, path) is not None


def get(connection: sqlite3.Connection, workspace: str, path: str) -> Json:
    """Return the latest version of a script as Windmill shows it; an archived one where there is no other.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    row = connection.execute(
        "SELECT * FROM script WHERE workspace = ? AND path = ? AND NOT deleted"
        " ORDER BY archived, id DESC LIMIT 1",
        (workspace, path),
    ).fetchone()
    return _whole(there(row, f"Script not found at path {path}"))


def get_by_hash(connection: sqlite3.Connection, workspace: str, hash_: str) -> Json:
    """Return one version of a script.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    return _whole(there(_by_hash(connection, workspace, hash_), f"Script not found at name {hash_}"))


def raw(connection: sqlite3.Connection, workspace: str, path: str) -> str:
    """Return the text of the latest version.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    return there(text(connection, workspace, path), f"Script not found at path {path}")


def text(connection: sqlite3.Connection, workspace: str, path: str) -> str | None:
    """Return the text of the latest version; None where there is none."""
    row = _head(connection, workspace, path)
    return None if row is None else str(row["content"])


def runnable(connection: sqlite3.Connection, workspace: str, path: str) -> ScriptCode | None:
    """Return what a run of the path runs; None also where the requirements are not resolved, or cannot be."""
    row = _head(connection, workspace, path)
    return None if row is None or not _is_resolved(connection, row) else code_of(row)


def runnable_version(connection: sqlite3.Connection, workspace: str, hash_: str) -> ScriptCode | None:
    """Return what a run of one version runs."""
    row = _by_hash(connection, workspace, hash_)
    return None if row is None else code_of(row)


def followed(connection: sqlite3.Connection, workspace: str, path: str, hash_: str | None) -> int | None:
    """Return when the version after a given one, deleted or not, was deployed, in microseconds."""
    found: int | None = connection.execute(
        "SELECT min(created_at) FROM script WHERE workspace = ? AND path = ? AND id >"
        " coalesce((SELECT id FROM script WHERE workspace = ? AND hash = ?), 0)",
        (workspace, path, workspace, hash_),
    ).fetchone()[0]
    return found


def listed(connection: sqlite3.Connection, workspace: str, wanted: Selection = EVERY) -> list[Json]:
    """Return the latest version of scripts, the newest first, without contents."""
    latest = "NOT deleted AND id IN (SELECT max(id) FROM script WHERE NOT deleted GROUP BY workspace, path)"
    found = wanted.rows(connection, "script", workspace, latest, "id DESC")
    return [{**shown(row), "starred": False} for row in found]


def history(connection: sqlite3.Connection, workspace: str, path: str) -> list[Json]:
    """Return the versions of a script, the newest first."""
    versions = connection.execute(
        "SELECT hash, created_at, deployment_message FROM script"
        " WHERE workspace = ? AND path = ? ORDER BY id DESC",
        (workspace, path),
    )
    return [{"script_hash": row["hash"], "deployment_msg": row["deployment_message"]} for row in versions]


def deployment_status(connection: sqlite3.Connection, workspace: str, hash_: str) -> Json:
    """Return the lock of a version and the job that makes it.

    Raises
    ------
    RequestRefused
        If there is no such version.
    """
    row = there(_by_hash(connection, workspace, hash_), f"Script not found at name {hash_}")
    job = row["dependency_job"]
    return {"lock": row["lock"], "lock_error_logs": job_rows.failure_text(connection, job), "job_id": job}


def set_dependency_job(connection: sqlite3.Connection, workspace: str, hash_: str, job_id: str) -> None:
    """Keep which job locks a version."""
    connection.execute(
        "UPDATE script SET dependency_job = ? WHERE workspace = ? AND hash = ?", (job_id, workspace, hash_)
    )


def set_lock(connection: sqlite3.Connection, workspace: str, hash_: str, locks: Json) -> bool:
    """Keep the one lock that was found for a version; return whether there is such a version."""
    if _by_hash(connection, workspace, hash_) is None:
        return False
    (lock,) = locks
    connection.execute(
        "UPDATE script SET lock = ? WHERE workspace = ? AND hash = ?", (lock, workspace, hash_)
    )
    return True


def archive(connection: sqlite3.Connection, workspace: str, path: str) -> None:
    """Archive every version of a script: it is no longer listed, run or imported by path."""
    path_rows.change(connection, "script", workspace, path, {"archived": True})


def archive_version(connection: sqlite3.Connection, workspace: str, hash_: str) -> Json:
    """Archive one version.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    connection.execute("UPDATE script SET archived = 1 WHERE workspace = ? AND hash = ?", (workspace, hash_))
    return get_by_hash(connection, workspace, hash_)


def delete(connection: sqlite3.Connection, workspace: str, path: str) -> str:
    """Remove every version of a script, and return its path.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    path_rows.remove(connection, "script", workspace, path, f"Script not found at path {path}")
    return path


def delete_version(connection: sqlite3.Connection, workspace: str, hash_: str) -> Json:
    """Blank one version: it is archived, and its content is gone.

    Raises
    ------
    RequestRefused
        If it is absent.
    """
    connection.execute(
        "UPDATE script SET archived = 1, deleted = 1, content = '' WHERE workspace = ? AND hash = ?",
        (workspace, hash_),
    )
    return get_by_hash(connection, workspace, hash_)


def _head(connection: sqlite3.Connection, workspace: str, path: str) -> sqlite3.Row | None:
    found: sqlite3.Row | None = connection.execute(
        "SELECT * FROM script WHERE workspace = ? AND path = ? AND NOT archived AND NOT deleted"
        " ORDER BY id DESC LIMIT 1",
        (workspace, path),
    ).fetchone()
    return found


def _by_hash(connection: sqlite3.Connection, workspace: str, hash_: str) -> sqlite3.Row | None:
    found: sqlite3.Row | None = connection.execute(
        "SELECT * FROM script WHERE workspace = ? AND hash = ?", (workspace, hash_)
    ).fetchone()
    return found


def _whole(row: sqlite3.Row) -> Json:
    return {**shown(row), "content": row["content"], "schema": from_text(row["schema"]), "lock": row["lock"]}


def _is_resolved(connection: sqlite3.Connection, row: sqlite3.Row) -> bool:
    job = job_rows.load(connection, row["dependency_job"] or "")
    return row["lock"] is not None or job is None or job_rows.succeeded(connection, job.id)


def _check_lineage(asked: Json, head: sqlite3.Row, path: str) -> None:
    if asked.get("auto_parent"):
        return
    if not asked.get("parent_hash"):
        raise bad_request(f"Path conflict for {path} with non-archived hash {head['hash']}")
    if asked["parent_hash"] != head["hash"]:
        raise bad_request(
            f"{path} has moved on: its latest version is {head['hash']}, not {asked['parent_hash']}"
        )


def _fields(asked: Json) -> dict[str, Json]:
    return {
        "summary": asked.get("summary") or "",
        "description": asked.get("description") or "",
        "content": asked["content"],
        "language": asked["language"],
        "kind": asked.get("kind") or "script",
        "schema": None if asked.get("schema") is None else json.dumps(asked["schema"]),
        "lock": _lock(asked.get("lock")),
        "tag": asked.get("tag") or None,
        "timeout": asked.get("timeout"),
        "envs": json.dumps(asked["envs"]) if asked.get("envs") else None,
        "labels": json.dumps(asked.get("labels") or []),
        "job_token_scopes": None if (scopes := asked.get("job_token_scopes")) is None else json.dumps(scopes),
    }


def _lock(given: Json) -> str | None:
    text = "\n".join(given) if isinstance(given, list) else given
    return text or None


def _insert(
    connection: sqlite3.Connection,
    who: Actor,
    asked: Json,
    wanted: dict[str, Json],
    head: sqlite3.Row | None,
) -> str:
    path = asked["path"]
    parents = [] if head is None else [head["hash"], *json.loads(head["parent_hashes"] or "[]")]
    text = json.dumps([who.workspace, path, parents, wanted, now()], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    parts = (digest[at : at + 16] for at in range(len(digest) - 16))
    # Clients read answers as JSON where they can, and 16 characters such as 12e4... would be a number.
    hash_ = next(part for part in parts if set(part) & set("abcdf"))
    row = {
        **wanted,
        "workspace": who.workspace,
        "hash": hash_,
        "path": path,
        "parent_hashes": json.dumps(parents) if parents else None,
        "has_preprocessor": bool(PREPROCESSOR.search(wanted["content"])),
        "created_by": who.username,
        "created_at": now(),
        "deployment_message": asked.get("deployment_message"),
    }
    archive(connection, who.workspace, path)
    path_rows.insert(connection, "script", row)
    return hash_
