"""Tokens of people and of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.devserver.catalog import tokens, workspaces
from metaflow_windmill.devserver.catalog.credentials import JobTokens
from metaflow_windmill.devserver.catalog.tokens import Bearer
from metaflow_windmill.devserver.catalog.vault import open_vault
from metaflow_windmill.devserver.model import Actor
from metaflow_windmill.errors import RequestRefused, ServerError

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from metaflow_windmill.devserver.catalog.vault import Vault

ADMIN = Bearer("admin", "admin@windmill.dev", super_admin=True)
NARROW = Bearer("a", "b", scopes=("users:write", "flows:read", "flows:write:f/x/*", "jobs:run:flows"))
JOB = "0c0ffee0-0000-4000-8000-000000000001"


def test_a_token_is_found_again_and_never_stored(connection: sqlite3.Connection) -> None:
    workspaces.ensure(connection, "admins", ADMIN.email)
    token = tokens.create(
        connection, ADMIN, {"label": "x", "scopes": ["flows:read"], "workspace_id": "admins"}
    )
    assert tokens.find(connection, token) == Bearer(
        "admin", "admin@windmill.dev", "admins", super_admin=True, scopes=("flows:read",)
    )
    assert tokens.find(connection, token + "0") is None
    stored = [str(value) for row in connection.execute("SELECT * FROM token") for value in row]
    assert not any(token in value for value in stored)


def test_a_token_ends_when_it_expires(connection: sqlite3.Connection) -> None:
    old = tokens.create(connection, ADMIN, {"expiration": "2020-01-01T00:00:00Z"})
    new = tokens.create(connection, ADMIN, {"expiration": "2120-01-01T00:00:00Z"})
    assert tokens.find(connection, old) is None
    assert tokens.find(connection, new) is not None


def test_a_token_is_deleted_by_its_prefix(connection: sqlite3.Connection) -> None:
    token = tokens.create(connection, ADMIN, {"label": "x"})
    (shown,) = tokens.listed(connection, ADMIN.email)
    assert token.startswith(shown["token_prefix"])
    assert token not in str(shown)
    assert tokens.delete(connection, "somebody@else", shown["token_prefix"]) == 0
    assert tokens.delete(connection, ADMIN.email, shown["token_prefix"]) == 1
    assert tokens.find(connection, token) is None


@pytest.mark.parametrize(
    ("maker", "asked", "message"),
    [
        (ADMIN, {"expiration": "soon"}, "is not an instant"),
        (ADMIN, {"scopes": "flows:read"}, "must be a list"),
        (ADMIN, {"workspace_id": "nowhere"}, "there is no workspace 'nowhere'"),
        (NARROW, {}, "cannot make one without any"),
        (NARROW, {"scopes": []}, "cannot make one without any"),
        (NARROW, {"scopes": ["*"]}, "is not a scope"),
        (NARROW, {"scopes": ["flows:read:f/x:f/y"]}, "is not a scope"),
        (NARROW, {"scopes": ["users:read", "flows:write"]}, "cannot give the scope flows:write"),
        (NARROW, {"scopes": ["flows:write:f/y"]}, "cannot give the scope flows:write:f/y"),
        (NARROW, {"scopes": ["jobs:run"]}, "cannot give the scope jobs:run"),
        (NARROW, {"scopes": ["jobs:run:scripts"]}, "cannot give the scope jobs:run:scripts"),
        (Bearer("a", "b", "admins", super_admin=True, job=JOB), {}, "a job cannot make tokens"),
    ],
)
def test_a_token_reaches_no_further_than_its_maker(
    connection: sqlite3.Connection, maker: Bearer, asked: dict[str, object], message: str
) -> None:
    with pytest.raises(RequestRefused, match=message):
        tokens.create(connection, maker, asked)


@pytest.mark.parametrize(
    "scope", ["users:write", "users:read", "flows:read", "flows:write:f/x/y", "jobs:run:flows:f/z"]
)
def test_a_token_gives_what_it_has(connection: sqlite3.Connection, scope: str) -> None:
    """Seen on a real server; what it refuses is above."""
    made = tokens.find(connection, tokens.create(connection, NARROW, {"scopes": [scope]}))
    assert made == Bearer("a", "b", scopes=(scope,))


def test_a_jobs_token_lives_as_long_as_the_job(vault: Vault) -> None:
    live = {JOB}
    issued = JobTokens(vault, live.__contains__)
    token = issued.issue(JOB, Actor("admin", "admin@windmill.dev", "admins", scopes=("flows:read",)))
    found = issued.find(token)
    assert found == Bearer(
        "admin", "admin@windmill.dev", "admins", super_admin=True, scopes=("flows:read",), job=JOB
    )
    live.clear()
    assert issued.find(token) is None


def test_a_jobs_token_survives_a_restart_and_no_other_key(tmp_path: Path, vault: Vault) -> None:
    token = JobTokens(vault, lambda _job: True).issue(JOB, Actor("admin", "a@b", "admins"))
    again = JobTokens(open_vault(tmp_path / "key"), lambda _job: True)
    other = JobTokens(open_vault(tmp_path / "other"), lambda _job: True)
    assert again.find(token) is not None
    assert other.find(token) is None


@pytest.mark.parametrize("forged", ["", "job_", "job_.", "job_e30.00", "nonsense", "job_\u00e4.\u00e4"])
def test_a_forged_job_token_is_nobodys(vault: Vault, forged: str) -> None:
    assert JobTokens(vault, lambda _job: True).find(forged) is None


def test_a_changed_claim_breaks_the_signature(vault: Vault) -> None:
    issued = JobTokens(vault, lambda _job: True)
    one = issued.issue(JOB, Actor("admin", "a@b", "admins"))
    other = issued.issue(JOB, Actor("admin", "a@b", "another"))
    claims, signature = other.partition(".")[0], one.partition(".")[2]
    assert issued.find(f"{claims}.{signature}") is None


def test_the_key_file_is_its_owners_only(tmp_path: Path, vault: Vault) -> None:
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    assert open_vault(tmp_path / "key").open(vault.seal("text")) == "text"


def test_a_secret_of_another_key_is_told_in_a_sentence(tmp_path: Path, vault: Vault) -> None:
    other = open_vault(tmp_path / "other")
    with pytest.raises(ServerError, match="Put the old key file back"):
        other.open(vault.seal("text"))


def test_a_file_that_holds_no_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("nonsense")
    with pytest.raises(ServerError, match="does not hold a key"):
        open_vault(tmp_path / "bad")
