"""Flows and their versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from metaflow_windmill.devserver.catalog import flows, schedules
from metaflow_windmill.devserver.catalog.path_rows import Selection
from metaflow_windmill.errors import RequestRefused

if TYPE_CHECKING:
    import sqlite3

    from metaflow_windmill.devserver.model import Actor


def flow(path: str = "f/a/one", **more: Any) -> dict[str, Any]:
    return {"path": path, "summary": "One", "value": {"modules": [], "flow_env": {"k": 1}}, **more}


def test_each_update_is_a_version_of_its_own(connection: sqlite3.Connection, who: Actor) -> None:
    first = flows.create(connection, who, flow(labels=["x"]))
    second = flows.update(connection, who, "f/a/one", flow(value={"modules": []}, deployment_message="again"))
    assert second.version > first.version
    assert flows.latest(connection, "admins", "f/a/one") == second
    assert flows.at_version(connection, "admins", first.version) is not None
    assert flows.get_version(connection, "admins", first.version)["value"] == flow()["value"]
    history = flows.history(connection, "admins", "f/a/one")
    assert [row["id"] for row in history] == [second.version, first.version]
    assert history[0]["deployment_msg"] == "again"
    assert flows.latest_version(connection, "admins", "f/a/one")["id"] == second.version


def test_a_flow_that_moves_takes_its_history_and_schedule_along(
    connection: sqlite3.Connection, who: Actor
) -> None:
    flows.create(connection, who, flow())
    schedule = {"path": "f/a/s", "schedule": "0 0 * * * *", "timezone": "Etc/UTC", "script_path": "f/a/one"}
    schedules.create(connection, who, {**schedule, "is_flow": True})
    moved = flows.update(connection, who, "f/a/one", flow("f/a/two"))
    assert moved.path == "f/a/two"
    assert not flows.exists(connection, "admins", "f/a/one")
    assert len(flows.history(connection, "admins", "f/a/two")) == 2
    assert schedules.get(connection, "admins", "f/a/s")["script_path"] == "f/a/two"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nonsense path", "is not a path"),
        ("f/a", "is not a path"),
        ("f/a/x/", "is not a path"),
        ("f/a/../b", "is not a path"),
        ("f/a/" + "x" * 252, "is not a path"),
        ("f/absent/one", "folder absent does not exist in workspace admins; create it first"),
    ],
)
def test_a_flow_needs_a_place(connection: sqlite3.Connection, who: Actor, path: str, message: str) -> None:
    with pytest.raises(RequestRefused, match=message):
        flows.create(connection, who, flow(path))


def test_a_taken_path_is_refused(connection: sqlite3.Connection, who: Actor) -> None:
    flows.create(connection, who, flow())
    flows.create(connection, who, flow("f/a/two"))
    with pytest.raises(RequestRefused, match="Flow f/a/one already exists"):
        flows.create(connection, who, flow())
    with pytest.raises(RequestRefused, match="Flow f/a/one already exists"):
        flows.update(connection, who, "f/a/two", flow())
    with pytest.raises(RequestRefused, match="Not found: Flow not found at name f/a/none"):
        flows.update(connection, who, "f/a/none", flow("f/a/none"))


def test_an_archived_flow_is_not_listed_and_still_runs(connection: sqlite3.Connection, who: Actor) -> None:
    flows.create(connection, who, flow())
    flows.archive(connection, "admins", "f/a/one", archived=True)
    assert flows.listed(connection, "admins") == []
    assert len(flows.listed(connection, "admins", Selection(archived=True))) == 1
    assert flows.latest(connection, "admins", "f/a/one") is not None


def test_lists_are_by_label_and_start(connection: sqlite3.Connection, who: Actor) -> None:
    for name in ("x", "y"):
        flows.create(connection, who, flow(f"f/a/{name}", labels=[name, "metaflow"]))
    assert [row["path"] for row in flows.listed(connection, "admins", Selection(label="y"))] == ["f/a/y"]
    assert len(flows.listed(connection, "admins", Selection(label="metaflow"))) == 2
    assert flows.listed(connection, "admins", Selection(label="meta")) == []
    begun = flows.listed(connection, "admins", Selection(path_start="f/a/x"))
    assert [row["path"] for row in begun] == ["f/a/x"]
    assert flows.listed(connection, "admins", Selection(path_start="f/a_")) == []


def test_workspaces_do_not_see_each_other(connection: sqlite3.Connection, who: Actor) -> None:
    made = flows.create(connection, who, flow())
    assert flows.latest(connection, "other", "f/a/one") is None
    assert flows.at_version(connection, "other", made.version) is None
    assert flows.listed(connection, "other") == []
    flows.delete(connection, "other", "f/a/one")
    assert flows.exists(connection, "admins", "f/a/one")
