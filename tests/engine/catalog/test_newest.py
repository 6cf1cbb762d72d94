"""What a server process remembers of newest versions, against a clock that the test turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.catalog import flows, scripts
from metaflow_windmill.devserver.catalog.catalog import WorkspaceCatalog
from metaflow_windmill.devserver.catalog.newest import Newest
from metaflow_windmill.devserver.store.clock import now

if TYPE_CHECKING:
    from metaflow_windmill.devserver.catalog.vault import Vault
    from metaflow_windmill.devserver.model import Actor
    from metaflow_windmill.devserver.store.database import Database


@dataclass
class Clock:
    """Seconds since the server began, as microseconds."""

    seconds: float = 0.0

    def __call__(self) -> int:
        return round(self.seconds * 1e6)


@dataclass
class Versions:
    """The versions of one thing, each with the second at which it came."""

    clock: Clock
    came: list[float]

    def __post_init__(self) -> None:
        self.newest: Newest[int] = Newest(10.0, self.clock)

    def at(self, seconds: float) -> int:
        """Return what the process takes for the newest version at a time."""
        self.clock.seconds = seconds
        last = max(number for number, came in enumerate(self.came) if came <= seconds)
        found = self.newest.of("it", last, self.followed)
        assert found is not None
        return found

    def followed(self, version: int) -> int | None:
        later = [came for came in self.came[version + 1 :] if came <= self.clock.seconds]
        return round(later[0] * 1e6) if later else None


def test_a_new_version_is_seen_when_events_were_read() -> None:
    versions = Versions(Clock(), [0, 12])
    assert [versions.at(second) for second in (1, 11, 12, 19.9, 20, 21)] == [0, 0, 0, 0, 1, 1]


def test_what_was_never_asked_for_is_not_remembered() -> None:
    assert Versions(Clock(), [0, 12]).at(12.1) == 1


def test_the_event_of_the_version_after_counts_whatever_came_later() -> None:
    versions = Versions(Clock(), [0, 9, 11])
    assert versions.at(1) == 0
    assert versions.at(12) == 2, "the event of version 1 was read at 10, and version 2 is the newest since"


def test_zero_remembers_nothing() -> None:
    newest: Newest[int] = Newest(0.0, Clock())
    assert newest.of("it", 1, lambda _: None) == 1
    assert newest.of("it", 2, lambda _: 0) == 2


def flow(number: int) -> dict[str, object]:
    return {"path": "f/a/one", "summary": "", "value": {"modules": [], "flow_env": {"n": number}}}


def script(number: int) -> dict[str, object]:
    content = f"def main():\n    return {number}\n"
    return {"path": "f/a/two", "content": content, "language": "python3", "auto_parent": True}


def test_flows_and_scripts_by_path(database: Database, vault: Vault, who: Actor) -> None:
    ahead = Clock()
    began = now()

    def clock() -> int:
        return began + ahead()

    catalog = WorkspaceCatalog(database, vault, Newest(10.0, clock), Newest(10.0, clock))
    with database.write() as connection:
        flows.create(connection, who, flow(1))
        scripts.create(connection, who, script(1))
    assert numbers(catalog) == (1, 1)
    with database.write() as connection:
        flows.update(connection, who, "f/a/one", flow(2))
        scripts.create(connection, who, script(2))
    assert numbers(catalog) == (1, 1), "the first versions are remembered"
    ahead.seconds = 10.0
    assert numbers(catalog) == (2, 2)


def test_what_was_deleted_still_runs_until_its_successor_is_heard_of(
    database: Database, vault: Vault, who: Actor
) -> None:
    """So it was seen on a real server of 1.788, for flows and for scripts."""
    ahead, began = Clock(), now()

    def clock() -> int:
        return began + ahead()

    catalog = WorkspaceCatalog(database, vault, Newest(10.0, clock), Newest(10.0, clock))
    with database.write() as connection:
        flows.create(connection, who, flow(1))
        scripts.create(connection, who, script(1))
    assert numbers(catalog) == (1, 1)
    with database.write() as connection:
        flows.delete(connection, "admins", "f/a/one")
        scripts.delete(connection, "admins", "f/a/two")
    assert numbers(catalog) == (1, 1)
    with database.write() as connection:
        flows.create(connection, who, flow(2))
        scripts.create(connection, who, script(2))
    assert numbers(catalog) == (1, 1)
    ahead.seconds = 10.0
    assert numbers(catalog) == (2, 2)


def test_what_was_deleted_is_gone_after_a_minute(database: Database, vault: Vault, who: Actor) -> None:
    ahead, began = Clock(), now()
    catalog = WorkspaceCatalog(database, vault, Newest(10.0, lambda: began + ahead()))
    with database.write() as connection:
        flows.create(connection, who, flow(1))
    assert catalog.flow("admins", "f/a/one") is not None
    with database.write() as connection:
        flows.delete(connection, "admins", "f/a/one")
    ahead.seconds = 61.0
    assert catalog.flow("admins", "f/a/one") is None
    assert catalog.flow("admins", "f/a/never") is None


def numbers(catalog: WorkspaceCatalog) -> tuple[int, int]:
    """Return which versions the catalog takes for the newest ones."""
    found, code = catalog.flow("admins", "f/a/one"), catalog.script("admins", "f/a/two")
    assert found is not None
    assert code is not None
    return found.value["flow_env"]["n"], int(code.content.split()[-1])
