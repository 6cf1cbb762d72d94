"""Tokens that people make: only their hashes are kept."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.catalog import members, workspaces
from metaflow_windmill.devserver.catalog.scopes import exceeding
from metaflow_windmill.devserver.refusals import bad_request, denied, unauthorized
from metaflow_windmill.devserver.store.clock import from_datetime, iso, now, read_instant

if TYPE_CHECKING:
    import sqlite3

    from metaflow_windmill.types import Json

PREFIX = 10
"""Leading characters of a token that lists show and that delete names."""


@dataclass(frozen=True)
class Bearer:
    """Whom a token stands for.

    Parameters
    ----------
    username, email : str
    workspace : str or None
        The only workspace it opens; None for all of them. A person's that has one opens nothing outside.
    super_admin : bool
    scopes : tuple of str or None
        None for all that its user may do.
    job : str or None
        The job that acts with it.
    """

    username: str
    email: str
    workspace: str | None = None
    super_admin: bool = False
    scopes: tuple[str, ...] | None = None
    job: str | None = None


def hashed(token: str) -> str:
    """Return what is stored of a token; tokens are random, so one round without salt is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def create(connection: sqlite3.Connection, maker: Bearer, asked: Json) -> str:
    """Make a token that may do no more than its maker, and return it.

    Raises
    ------
    RequestRefused
        If the scopes, the expiration or the workspace are not valid, the scopes reach further than the
        maker's own, or the maker is a job.
    """
    if maker.job is not None:
        raise unauthorized("the token of a job cannot make tokens")
    token = secrets.token_hex(16)
    workspace = _workspace(connection, asked.get("workspace_id"))
    scopes = _scopes(maker, asked.get("scopes"))
    row = (
        *(hashed(token), token[:PREFIX], asked.get("label"), maker.username, maker.email, workspace),
        *(maker.super_admin, None if scopes is None else json.dumps(scopes)),
        *(_expiration(asked.get("expiration")), now()),
    )
    connection.execute("INSERT INTO token VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    return token


def impersonate(connection: sqlite3.Connection, asked: Json) -> str:
    """Make a token of somebody else, who is no superadmin, and return it."""
    email = str(asked["impersonate_email"]).lower()
    row = {**asked, "scopes": asked.get("scopes")}
    return create(connection, Bearer(members.username_of(email), email), row)


def find(connection: sqlite3.Connection, token: str) -> Bearer | None:
    """Return whom a token stands for; None if it is unknown or has expired."""
    row = connection.execute("SELECT * FROM token WHERE hash = ?", (hashed(token),)).fetchone()
    if row is None or (row["expiration"] is not None and row["expiration"] <= now()):
        return None
    scopes = None if row["scopes"] is None else tuple(json.loads(row["scopes"]))
    return Bearer(row["username"], row["email"], row["workspace"], bool(row["super_admin"]), scopes)


def listed(connection: sqlite3.Connection, email: str) -> list[Json]:
    """Return a user's tokens, the newest first, by their prefixes."""
    rows = connection.execute("SELECT * FROM token WHERE email = ? ORDER BY created_at DESC", (email,))
    return [
        {
            "label": row["label"],
            "token_prefix": row["prefix"],
            "expiration": iso(row["expiration"]),
            "created_at": iso(row["created_at"]),
            "scopes": None if row["scopes"] is None else json.loads(row["scopes"]),
            "email": row["email"],
            "workspace_id": row["workspace"],
        }
        for row in rows
    ]


def delete(connection: sqlite3.Connection, email: str, prefix: str) -> int:
    """End a user's tokens that begin so, and return how many there were."""
    gone = connection.execute("DELETE FROM token WHERE email = ? AND prefix = ?", (email, prefix[:PREFIX]))
    return gone.rowcount


def _workspace(connection: sqlite3.Connection, asked: str | None) -> str | None:
    if asked is not None and not workspaces.exists(connection, asked):
        raise bad_request(f"there is no workspace {asked!r} that a token could be bound to")
    return asked


def _scopes(maker: Bearer, asked: Json) -> list[str] | None:
    if asked is not None and not (isinstance(asked, list) and all(isinstance(scope, str) for scope in asked)):
        raise bad_request("scopes must be a list of texts such as jobs:run:flows:f/x/y")
    if maker.scopes:
        _check_scopes(maker.scopes, asked)
    return None if asked is None else list(asked)


def _check_scopes(own: tuple[str, ...], asked: list[str] | None) -> None:
    if not asked:
        raise denied("a token with scopes cannot make one without any")
    try:
        beyond = exceeding(own, asked)
    except ValueError as fault:
        raise bad_request(f"{fault} is not a scope such as jobs:run:flows:f/x/y") from fault
    if beyond:
        raise denied(f"a token cannot give the scope {beyond[0]}, which reaches further than its own")


def _expiration(asked: Json) -> int | None:
    if asked is None:
        return None
    try:
        return from_datetime(read_instant(asked))
    except (ValueError, TypeError, AttributeError) as fault:
        raise bad_request(f"expiration: {asked!r} is not an instant like 2030-01-31T10:00:00Z") from fault
