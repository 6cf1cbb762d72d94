"""One SQLite file: one writer, many readers, migrations, and faults in sentences."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.devserver.store.database import Database, json_holds
from metaflow_windmill.devserver.store.migrate import Migration, migrate, shipped
from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "some.db")
    yield made
    made.close()


def put(database: Database, key: str) -> None:
    with database.write() as connection:
        connection.execute("INSERT INTO document (id, text) VALUES (?, ?)", (key, "x" * 1000))


def put_many(database: Database, count: int) -> None:
    for number in range(count):
        put(database, f"b{number}")


def keys(database: Database) -> list[str]:
    return [row["id"] for row in database.read().execute("SELECT id FROM document ORDER BY id")]


class TestWriting:
    def test_what_is_written_is_read_and_survives(self, tmp_path: Path) -> None:
        first = Database(tmp_path / "some.db")
        put(first, "a")
        assert keys(first) == ["a"]
        first.close()
        second = Database(tmp_path / "some.db")
        assert keys(second) == ["a"]
        second.close()

    def test_a_block_that_breaks_leaves_nothing(self, database: Database) -> None:
        def breaks() -> None:
            with database.write() as connection:
                connection.execute("INSERT INTO document VALUES ('a', '')")
                raise ValueError("broken")

        with pytest.raises(ValueError, match="broken"):
            breaks()
        assert keys(database) == []
        put(database, "b")
        assert keys(database) == ["b"]

    def test_readers_do_not_see_what_is_not_committed(self, database: Database) -> None:
        with database.write() as connection:
            connection.execute("INSERT INTO document VALUES ('a', '')")
            assert keys(database) == []
        assert keys(database) == ["a"]

    def test_readers_cannot_write(self, database: Database) -> None:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            database.read().execute("DELETE FROM document")

    def test_writers_wait_for_each_other(self, database: Database) -> None:
        threads = [threading.Thread(target=put, args=[database, f"{n:02}"]) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert keys(database) == [f"{n:02}" for n in range(20)]

    def test_each_thread_reads_on_its_own(self, database: Database) -> None:
        found = [database.read()]
        thread = threading.Thread(target=lambda: found.append(database.read()))
        thread.start()
        thread.join()
        assert found[0] is database.read()
        assert found[0] is not found[1]

    def test_the_connection_of_a_thread_ends_with_it(self, database: Database) -> None:
        found: list[sqlite3.Connection] = []
        thread = threading.Thread(target=lambda: found.append(database.read()))
        thread.start()
        thread.join()
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            found[0].execute("SELECT 1")


class TestFaults:
    def test_a_full_disk_refuses_and_keeps_what_was_there(self, database: Database) -> None:
        put(database, "a")
        with database.write() as connection:
            used = connection.execute("PRAGMA page_count").fetchone()[0]
        limit = database.read().execute("SELECT 1")  # Readers are not hindered.
        with database.write() as connection:
            connection.execute(f"PRAGMA max_page_count={used}")
        with pytest.raises(ServerError, match="Free some space"):
            put_many(database, 100)
        kept = keys(database)
        assert "a" in kept
        assert limit.fetchone()[0] == 1
        with database.write() as connection:
            connection.execute("PRAGMA max_page_count=1000000")
        put(database, "c")
        assert keys(database) == sorted([*kept, "c"])

    @pytest.mark.parametrize("content", [b"this is no database" * 100, b"\0" * 5000])
    def test_a_damaged_file_is_kept(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "some.db"
        path.write_bytes(content)
        with pytest.raises(ServerError, match="left as it is") as raised:
            Database(path)
        assert str(path) in str(raised.value)
        assert path.read_bytes() == content

    def test_damage_in_the_middle_is_found_at_the_start(self, tmp_path: Path) -> None:
        path = tmp_path / "some.db"
        made = Database(path)
        for number in range(50):
            put(made, f"{number}")
        made.close()
        content = bytearray(path.read_bytes())
        content[8192:40000] = b"\xff" * (40000 - 8192)
        path.write_bytes(content)
        with pytest.raises(ServerError, match="left as it is"):
            Database(path)
        assert path.read_bytes() == content

    def test_a_directory_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ServerError, match="cannot be opened"):
            Database(tmp_path / "nowhere" / "some.db")

    def test_a_closed_database_says_so(self, tmp_path: Path) -> None:
        made = Database(tmp_path / "some.db")
        made.close()
        with pytest.raises(ServerError, match="shutting down"):
            made.read()
        with pytest.raises(ServerError, match="shutting down"), made.write():
            pass


class TestMigrations:
    def test_each_is_applied_once_in_order(self) -> None:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        steps = [Migration(1, "one", "CREATE TABLE t (a);"), Migration(2, "two", "ALTER TABLE t ADD b;")]
        migrate(connection, steps[:1])
        migrate(connection, steps)
        migrate(connection, steps)
        assert [row[1] for row in connection.execute("PRAGMA table_info(t)")] == ["a", "b"]

    def test_one_that_breaks_leaves_nothing_of_itself(self) -> None:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        broken = Migration(1, "one", "CREATE TABLE t (a); CREATE TABLE t (a);")
        with pytest.raises(sqlite3.OperationalError):
            migrate(connection, [broken])
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 't'").fetchone()[0] == 0
        migrate(connection, [Migration(1, "one", "CREATE TABLE t (a);")])

    def test_a_newer_schema_is_refused(self) -> None:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        migrate(connection, [Migration(1, "one", ""), Migration(99, "later", "")])
        with pytest.raises(ServerError, match="newer metaflow-windmill"):
            migrate(connection, [Migration(1, "one", "")])

    def test_numbers_are_unique(self) -> None:
        numbers = [migration.number for migration in shipped()]
        assert numbers == sorted(set(numbers))


@pytest.mark.parametrize(
    ("whole", "part", "holds"),
    [
        ('{"a": {"b": 1, "c": 2}}', '{"a": {"b": 1}}', True),
        ('{"a": 1}', '{"a": 2}', False),
        ('{"a": 1}', '{"b": 1}', False),
        ("[1, [2, 3]]", "[[3]]", True),
        ("[1]", "[1, 2]", False),
        ("1", "1", True),
        (None, "1", False),
    ],
)
def test_containment_is_that_of_postgresql(whole: str | None, part: str, holds: bool) -> None:
    assert json_holds(whole, part) is holds
