"""One SQLite file: a connection for each reading thread, and one writer at a time."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

from metaflow_windmill.devserver.store.containment import contains
from metaflow_windmill.devserver.store.migrate import migrate
from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator


BUSY_TIMEOUT = 30.0
"""Seconds that a connection waits for another process (a backup tool, a shell) to let go of the file."""

READER_CACHE = 512
"""Kilobytes of pages that a reading thread keeps; there may be dozens of threads."""

CHECKED_BELOW = 256 * 1024 * 1024
"""Bytes up to which a database is checked in whole when it is opened; it takes about 1 s for each 200 MB."""


class Database:
    """The server's database.

    Parameters
    ----------
    path : Path
        The file; made where it is absent. Its directory must be there.

    Raises
    ------
    ServerError
        If the file is not a database, is damaged, or was written by a newer version; it is left as it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._local = threading.local()
        self._lock = threading.RLock()
        self._readers: WeakSet[_Reader] = WeakSet()
        self._closed = False
        self._writer = self._open()

    def read(self) -> sqlite3.Connection:
        """Return this thread's connection for reading; rows are `sqlite3.Row`."""
        if self._closed:
            raise ServerError("The embedded server is shutting down; ask again when it is back.")
        reader: _Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = _Reader(self.path)
            with self._lock:
                self._readers.add(reader)
        return reader.connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Give the one writing connection, inside a transaction that ends with the block.

        Raises
        ------
        ServerError
            If the disk is full or the file is damaged: nothing of the block is kept then.
        """
        with self._lock:
            if self._closed:
                raise ServerError("The embedded server is shutting down; ask again when it is back.")
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException as fault:
                _roll_back(self._writer)
                if isinstance(fault, sqlite3.DatabaseError) and not isinstance(fault, sqlite3.IntegrityError):
                    raise explain(fault, self.path) from fault
                raise

    def close(self) -> None:
        """Close every connection; the write-ahead log is folded into the file."""
        with self._lock:
            self._closed = True
            for reader in list(self._readers):
                reader.connection.close()
            self._writer.close()

    def _open(self) -> sqlite3.Connection:
        try:
            return _open_checked(self.path)
        except sqlite3.DatabaseError as fault:
            raise explain(fault, self.path) from fault


class _Reader:
    """The connection of one reading thread; it is closed when the thread ends."""

    def __init__(self, path: Path) -> None:
        self.connection = _connect(path)
        self.connection.execute("PRAGMA query_only=1")
        self.connection.execute(f"PRAGMA cache_size=-{READER_CACHE}")

    def __del__(self) -> None:
        self.connection.close()


def explain(fault: sqlite3.Error, path: Path) -> ServerError:
    """Say what a fault of the database means and what to do."""
    text = str(fault)
    if "full" in text:
        return ServerError(
            f"The disk that holds {path} is full. Free some space: nothing that was stored is lost, "
            "and what could not be stored was refused."
        )
    if "locked" in text or "busy" in text:
        return ServerError(f"{path} is held by another process. End that process, then try again.")
    if "unable to open" in text or "readonly" in text:
        return ServerError(
            f"{path} cannot be opened for writing ({text}). Check the rights of its directory."
        )
    return ServerError(
        f"{path} is damaged or is not a database of this server ({text}). It was left as it is: "
        "move it aside to start afresh, or give another directory with --data."
    )


def json_holds(text: str | None, part: str) -> bool:
    """Tell whether one JSON text contains another, as PostgreSQL's ``@>`` does."""
    return text is not None and contains(json.loads(text), json.loads(part))


def _open_checked(path: Path) -> sqlite3.Connection:
    connection = _connect(path)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        if path.stat().st_size < CHECKED_BELOW:
            _check(connection)
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if said != "ok":
        raise sqlite3.DatabaseError(said)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.create_function("json_holds", 2, json_holds, deterministic=True)
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=1")
    return connection


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")
