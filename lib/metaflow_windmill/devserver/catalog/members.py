"""People in a workspace besides the server's superadmin, who makes their tokens: nobody has a password."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.refusals import bad_request
from metaflow_windmill.devserver.store.clock import now

if TYPE_CHECKING:
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class Member:
    """A person in a workspace."""

    email: str
    username: str
    is_admin: bool
    operator: bool
    created_at: int


def username_of(email: str) -> str:
    """Return the name that Windmill makes of an address."""
    return email.partition("@")[0].lower()


def add(connection: sqlite3.Connection, workspace: str, asked: Json) -> Member:
    """Take somebody into a workspace.

    Raises
    ------
    RequestRefused
        If they are in it, or a name is asked for: names are made of addresses.
    """
    if asked.get("username"):
        raise bad_request("username is not allowed when username creation is automated")
    email = str(asked["email"]).lower()
    flags = bool(asked.get("is_admin")), bool(asked.get("operator"))
    made = Member(email, username_of(email), *flags, now())
    row = (workspace, made.email, made.username, *flags, made.created_at)
    try:
        connection.execute("INSERT INTO member VALUES (?, ?, ?, ?, ?, ?)", row)
    except sqlite3.IntegrityError as fault:
        raise bad_request(f"user with email {email} already exists in workspace {workspace}") from fault
    return made


def find(connection: sqlite3.Connection, workspace: str, email: str) -> Member | None:
    """Return somebody in a workspace; None if they are not in it."""
    row = connection.execute(
        "SELECT * FROM member WHERE workspace = ? AND email = ?", (workspace, email)
    ).fetchone()
    if row is None:
        return None
    flags = bool(row["is_admin"]), bool(row["operator"])
    return Member(row["email"], row["username"], *flags, row["created_at"])


def remove(connection: sqlite3.Connection, workspace: str, username: str) -> bool:
    """Take somebody out of a workspace; tell whether they were in it."""
    gone = connection.execute(
        "DELETE FROM member WHERE workspace = ? AND username = ?", (workspace, username)
    )
    return gone.rowcount == 1
