"""Versions of scripts: lineage, archives, what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from metaflow_windmill.devserver.catalog import scripts
from metaflow_windmill.devserver.catalog.path_rows import Selection
from metaflow_windmill.errors import RequestRefused

if TYPE_CHECKING:
    import sqlite3

    from metaflow_windmill.devserver.model import Actor


def script(content: str = "def main(): pass", **more: Any) -> dict[str, Any]:
    return {"path": "f/a/one", "content": content, "language": "python3", "summary": "One", **more}


def test_a_hash_is_sixteen_digits_and_names_the_version(connection: sqlite3.Connection, who: Actor) -> None:
    hash_, is_new = scripts.create(connection, who, script(lock="# py: 3.11\n", tag="gpu", envs=["A=b"]))
    code = scripts.runnable(connection, "admins", "f/a/one")
    assert is_new
    assert len(hash_) == 16
    assert int(hash_, 16) >= 0
    assert code == scripts.runnable_version(connection, "admins", hash_)
    assert code is not None
    assert (code.lock, code.tag, code.envs, code.hash) == ("# py: 3.11\n", "gpu", ("A=b",), hash_)


def test_a_taken_path_asks_for_the_parent(connection: sqlite3.Connection, who: Actor) -> None:
    first, _ = scripts.create(connection, who, script())
    with pytest.raises(RequestRefused, match=f"Path conflict for f/a/one with non-archived hash {first}"):
        scripts.create(connection, who, script("def main(): return 2"))
    with pytest.raises(RequestRefused, match="has moved on"):
        scripts.create(connection, who, script("def main(): return 2", parent_hash="0" * 16))
    second, _ = scripts.create(connection, who, script("def main(): return 2", parent_hash=first))
    third, _ = scripts.create(connection, who, script("def main(): return 3", auto_parent=True))
    assert scripts.get(connection, "admins", "f/a/one")["parent_hashes"] == [second, first]
    assert [row["script_hash"] for row in scripts.history(connection, "admins", "f/a/one")] == [
        third,
        second,
        first,
    ]
    assert len(scripts.listed(connection, "admins")) == 1


def test_the_same_again_is_a_new_version_or_skipped(connection: sqlite3.Connection, who: Actor) -> None:
    """A person deploys the same again to have its packages locked once more."""
    first, _ = scripts.create(connection, who, script())
    assert scripts.create(connection, who, script(auto_parent=True), skip_noop=True) == (first, False)
    second, new = scripts.create(connection, who, script(auto_parent=True))
    assert new
    assert second != first


def test_an_unknown_parent_is_refused(connection: sqlite3.Connection, who: Actor) -> None:
    with pytest.raises(RequestRefused, match="does not exist"):
        scripts.create(connection, who, script(parent_hash="0" * 16))


def test_an_archived_script_does_not_run_but_can_be_looked_at(
    connection: sqlite3.Connection, who: Actor
) -> None:
    hash_, _ = scripts.create(connection, who, script())
    scripts.archive(connection, "admins", "f/a/one")
    assert not scripts.exists(connection, "admins", "f/a/one")
    assert scripts.runnable(connection, "admins", "f/a/one") is None
    assert scripts.runnable_version(connection, "admins", hash_) is not None
    assert scripts.get(connection, "admins", "f/a/one")["archived"] is True
    again, _ = scripts.create(connection, who, script())
    assert again != hash_


def test_a_deleted_script_is_gone(connection: sqlite3.Connection, who: Actor) -> None:
    scripts.create(connection, who, script())
    assert scripts.delete(connection, "admins", "f/a/one") == "f/a/one"
    with pytest.raises(RequestRefused, match="Not found: Script not found at path f/a/one"):
        scripts.get(connection, "admins", "f/a/one")
    with pytest.raises(RequestRefused, match="Not found"):
        scripts.delete(connection, "admins", "f/a/one")


def test_a_deleted_version_is_blanked(connection: sqlite3.Connection, who: Actor) -> None:
    hash_, _ = scripts.create(connection, who, script())
    shown = scripts.delete_version(connection, "admins", hash_)
    assert (shown["content"], shown["deleted"], shown["archived"]) == ("", True, True)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("def preprocessor(event):\n    return {}\ndef main(): pass", True),
        ("async def preprocessor(event):\n    return {}\ndef main(): pass", True),
        ("def main():\n    def preprocessor(event): pass", False),
        ("# def preprocessor(event)\ndef main(): pass", False),
    ],
)
def test_a_preprocessor_is_seen(
    connection: sqlite3.Connection, who: Actor, content: str, *, expected: bool
) -> None:
    scripts.create(connection, who, script(content))
    code = scripts.runnable(connection, "admins", "f/a/one")
    assert code is not None
    assert code.has_preprocessor is expected


def test_lists_are_by_label_start_and_page(connection: sqlite3.Connection, who: Actor) -> None:
    for name in ("x", "y", "z"):
        scripts.create(connection, who, script(path=f"f/a/{name}", labels=[name]))
    assert [row["path"] for row in scripts.listed(connection, "admins", Selection(label="y"))] == ["f/a/y"]
    assert [row["path"] for row in scripts.listed(connection, "admins", Selection(path_start="f/a/z"))] == [
        "f/a/z"
    ]
    assert [row["path"] for row in scripts.listed(connection, "admins", Selection(limit=1, offset=1))] == [
        "f/a/y"
    ]
    assert scripts.listed(connection, "other") == []


def test_what_the_jobs_tokens_open_stays_until_it_is_said_anew(
    connection: sqlite3.Connection, who: Actor
) -> None:
    """As the API says of `job_token_scopes`: what leaves it out keeps it, null clears it."""
    steps: list[tuple[dict[str, Any], tuple[str, ...] | None]] = [
        ({"job_token_scopes": ["jobs:read"]}, ("jobs:read",)),
        ({}, ("jobs:read",)),
        ({"job_token_scopes": []}, ()),
        ({"job_token_scopes": None}, None),
        ({}, None),
    ]
    for number, (said, kept) in enumerate(steps):
        scripts.create(connection, who, script(f"def main(): return {number}", auto_parent=True, **said))
        code = scripts.runnable(connection, "admins", "f/a/one")
        assert code is not None
        assert code.scopes == kept
