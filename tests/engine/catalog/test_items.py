"""Variables, resources, folders, workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.devserver.catalog import folders, resources, variables, workspaces
from metaflow_windmill.devserver.catalog.catalog import WorkspaceCatalog
from metaflow_windmill.errors import RequestRefused

if TYPE_CHECKING:
    import sqlite3

    from metaflow_windmill.devserver.catalog.vault import Vault
    from metaflow_windmill.devserver.model import Actor
    from metaflow_windmill.devserver.store.database import Database

SECRET = {"path": "f/a/secret", "value": "s3cret-value", "is_secret": True}


def test_a_secret_is_unreadable_in_the_file(database: Database, vault: Vault, who: Actor) -> None:
    with database.write() as connection:
        variables.create(connection, vault, who, SECRET)
    database.close()
    files = list(database.path.parent.glob("windmill.db*"))
    assert files
    assert not any(b"s3cret-value" in file.read_bytes() for file in files)


def test_a_secret_is_shown_only_where_asked(connection: sqlite3.Connection, vault: Vault, who: Actor) -> None:
    variables.create(connection, vault, who, SECRET)
    assert variables.get(connection, vault, "admins", "f/a/secret")["value"] == "s3cret-value"
    assert variables.get(connection, vault, "admins", "f/a/secret", decrypt=False)["value"] is None
    assert [row["value"] for row in variables.listed(connection, "admins")] == [None]


def test_a_variable_becomes_secret_and_plain_again(
    connection: sqlite3.Connection, vault: Vault, who: Actor
) -> None:
    variables.create(connection, vault, who, {**SECRET, "is_secret": False})
    for secret in (True, False):
        variables.update(connection, vault, who, "f/a/secret", {"is_secret": secret})
        stored = connection.execute("SELECT value FROM variable").fetchone()[0]
        assert (stored == "s3cret-value") is not secret
        assert variables.value(connection, vault, "admins", "f/a/secret") == "s3cret-value"


def test_a_variable_moves_only_to_a_free_place(
    connection: sqlite3.Connection, vault: Vault, who: Actor
) -> None:
    variables.create(connection, vault, who, SECRET)
    variables.create(connection, vault, who, {**SECRET, "path": "f/a/other"})
    with pytest.raises(RequestRefused, match="already exists"):
        variables.update(connection, vault, who, "f/a/secret", {"path": "f/a/other"})
    assert variables.update(connection, vault, who, "f/a/secret", {"path": "f/a/new"}) == "f/a/new"
    assert not variables.exists(connection, "admins", "f/a/secret")


def test_the_catalog_tells_which_secrets_it_gave_out(database: Database, vault: Vault, who: Actor) -> None:
    with database.write() as connection:
        variables.create(connection, vault, who, SECRET)
        variables.create(connection, vault, who, {"path": "f/a/plain", "value": "p", "is_secret": False})
        value = {"url": "$var:f/a/secret", "branch": "$var:f/a/plain"}
        resources.create(
            connection, who, {"path": "f/a/repo", "value": value, "resource_type": "git_repository"}
        )
    catalog, hidden = WorkspaceCatalog(database, vault), list[str]()
    filled = {"url": "s3cret-value", "branch": "p"}
    assert catalog.fill_in("admins", {"repo": "$res:f/a/repo"}, hidden.append) == {"repo": filled}
    assert hidden == ["s3cret-value"]
    assert catalog.resource("admins", "f/a/repo") == filled
    assert catalog.resource("admins", "f/a/none") is None
    assert catalog.resource("other", "f/a/repo") is None


def test_a_resource_is_replaced_only_where_allowed(connection: sqlite3.Connection, who: Actor) -> None:
    asked = {"path": "f/a/r", "value": 1, "resource_type": "any", "description": "d"}
    resources.create(connection, who, asked)
    with pytest.raises(RequestRefused, match="already exists"):
        resources.create(connection, who, asked)
    resources.create(connection, who, {**asked, "value": None}, replace=True)
    shown = resources.get(connection, "admins", "f/a/r")
    assert (shown["value"], shown["description"]) == (None, "d")
    resources.update(connection, who, "f/a/r", {"value": 3})
    assert resources.value(connection, "admins", "f/a/r") == 3


HELD = {"flow": "f/a/b", "events": [{"name": "e", "n": 1}, {"name": "f"}], "more": [[1, 2], True]}


@pytest.mark.parametrize(
    ("part", "held"),
    [
        ('{"events": [{"name": "e"}]}', True),
        ('{"events": [{"name": "f"}, {"n": 1.0}]}', True),
        ('{"events": [{"name": "f", "n": 1}]}', False),
        ('{"events": [{"name": "g"}]}', False),
        ('{"events": {"name": "e"}}', False),
        ('{"events": []}', True),
        ('{"more": [[2], true]}', True),
        ('{"more": [1]}', False),
        ('{"more": true}', False),
        ("{}", True),
        ('"flow"', False),
        ("not json", False),
    ],
)
def test_resources_are_listed_by_what_they_hold(
    connection: sqlite3.Connection, who: Actor, part: str, *, held: bool
) -> None:
    """As a real server answered; its database has the operator for it."""
    resources.create(connection, who, {"path": "f/a/r", "value": HELD, "resource_type": "x"})
    assert len(resources.listed(connection, "admins", holding=part)) == held


def test_resources_are_listed_by_types(connection: sqlite3.Connection, who: Actor) -> None:
    for kind in ("x", "y", "z"):
        resources.create(connection, who, {"path": f"f/a/{kind}", "value": 1, "resource_type": kind})
    found = resources.listed(connection, "admins", resource_type="x,z")
    assert [row["path"] for row in found] == ["f/a/x", "f/a/z"]
    assert [row["value"] for row in found] == [None, None]


def test_a_resource_type_is_there_once(connection: sqlite3.Connection, who: Actor) -> None:
    resources.create_type(connection, who, {"name": "t", "schema": {"type": "object"}})
    with pytest.raises(RequestRefused, match="already exists"):
        resources.create_type(connection, who, {"name": "t"})
    assert resources.get_type(connection, "admins", "t")["schema"] == {"type": "object"}
    resources.delete_type(connection, "admins", "t")
    with pytest.raises(RequestRefused, match="not found"):
        resources.get_type(connection, "admins", "t")


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ä", "a-b"])
def test_a_folder_name_is_a_word(connection: sqlite3.Connection, who: Actor, name: str) -> None:
    with pytest.raises(RequestRefused, match="is not a folder name"):
        folders.create(connection, who, {"name": name})


def test_a_folder_belongs_to_its_maker(connection: sqlite3.Connection, who: Actor) -> None:
    shown = folders.get(connection, "admins", "a")
    assert (shown["owners"], shown["extra_perms"]) == (["u/admin"], {"u/admin": True})
    folders.update(connection, "admins", "a", {"summary": "S", "workspace_id": "other"})
    assert folders.get(connection, "admins", "a")["summary"] == "S"
    folders.delete(connection, "admins", "a")
    assert not folders.exists(connection, "admins", "a")


def test_environment_variables_are_set_and_removed(connection: sqlite3.Connection) -> None:
    workspaces.set_variable(connection, "admins", "A", "1")
    workspaces.set_variable(connection, "admins", "A", "2")
    workspaces.set_variable(connection, "other", "B", "3")
    assert workspaces.environment(connection, "admins") == {"A": "2"}
    workspaces.set_variable(connection, "admins", "A", None)
    assert workspaces.environment(connection, "admins") == {}


@pytest.mark.parametrize("name", ["", "1A", "A B", "A=", "WM_TOKEN", "Ä"])
def test_some_names_of_environment_variables_are_refused(connection: sqlite3.Connection, name: str) -> None:
    with pytest.raises(RequestRefused, match="cannot be the name"):
        workspaces.set_variable(connection, "admins", name, "x")


def test_a_workspace_is_there_once(connection: sqlite3.Connection) -> None:
    workspaces.create(connection, {"id": "two", "name": "Two"}, "a@b")
    with pytest.raises(RequestRefused, match="already exists"):
        workspaces.create(connection, {"id": "two"}, "a@b")
    with pytest.raises(RequestRefused, match="is not a workspace id"):
        workspaces.create(connection, {"id": "Two words"}, "a@b")
    assert workspaces.exists(connection, "two")
