"""Keeps the cache of code packages on a worker small; `package.body.cache` fills it."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from metaflow_windmill.errors import TaskError

LIMIT = "METAFLOW_WINDMILL_CACHE_MEGABYTES"
MEGABYTES = 10_000
"""The limit where the variable is not set."""
UNUSED_AFTER = 30 * 24 * 3600  # seconds

_NO_PACKAGES = {"library", "environments"}
_SHARED = "files"
_BYTE_CODE = "bytecode-"
_SIZES = "sizes"
"""What each package takes alone, in bytes: a file by its name, so that each is looked through once only."""
_BLOCK = 512
"""Bytes: the unit of `os.stat_result.st_blocks`."""


def tidy(cache: Path, limit: str | None = None) -> None:
    """Remove packages, and leftovers of tries that were killed, that nothing has used for long.

    Where the cache is larger than it may be, those that were used longest ago go too. What a job
    that runs has in use stays.

    Parameters
    ----------
    cache : Path
    limit : str or None
        Its largest size in megabytes.

    Raises
    ------
    TaskError
        If the limit is no number.
    """
    most = _megabytes(limit) * 1024 * 1024
    entries = sorted((_used_at(entry), entry) for entry in cache.iterdir() if not _is_of_all(entry))
    too_old = time.time() - UNUSED_AFTER
    for used, entry in entries:
        if used < too_old:
            remove(entry)
    remove_unlinked(cache)
    for entry in (entry for used, entry in entries if used >= too_old):
        if size_of(cache) <= most:
            break
        remove(entry)
        remove_unlinked(cache)
    _forget_sizes(cache)


def size_of(cache: Path) -> int:
    """Return the bytes that packages take on the disk; what several share counts once."""
    shared = sum(_bytes(known) for kept in _shared(cache) for known in kept.iterdir())
    return shared + sum(_own_size(entry) for entry in cache.iterdir() if not _is_of_all(entry))


def _own_size(entry: Path) -> int:
    """Return what a package takes alone, in bytes. It never changes, so it is noted where it is complete."""
    note = entry.parent / _SIZES / entry.name
    with suppress(OSError, ValueError):
        return int(note.read_text(encoding="ascii"))
    size = _bytes(entry)
    for folder, below, names in os.walk(entry):
        size += sum(_bytes(Path(folder, name), links=1) for name in names)
        size += sum(_bytes(Path(folder, name)) for name in below)
    if not entry.name.startswith("."):  # else somebody unpacks it, or did
        with suppress(OSError):
            note.parent.mkdir(exist_ok=True)
            beside = note.with_name(f".{note.name}.{os.getpid()}")
            beside.write_text(str(size), encoding="ascii")
            beside.rename(note)
    return size


def _forget_sizes(cache: Path) -> None:
    with suppress(FileNotFoundError):
        for note in (cache / _SIZES).iterdir():
            if not (cache / note.name).exists():
                note.unlink(missing_ok=True)


def _bytes(path: Path, links: int | None = None) -> int:
    """Return what a file or a directory takes; 0 if it is gone, or another number of links is wanted."""
    with suppress(OSError):
        status = path.lstat()
        return status.st_blocks * _BLOCK if links in (None, status.st_nlink) else 0
    return 0


def _shared(cache: Path) -> list[Path]:
    return [kept for kept in (cache / _SHARED, *cache.glob(f"{_BYTE_CODE}*")) if kept.is_dir()]


def remove(entry: Path) -> None:
    """Remove a package that no job holds, or a leftover; what another worker removes is left to it."""
    with suppress(OSError):
        lock = os.open(entry, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            gone = entry.with_name(f".{entry.name}.{os.getpid()}.gone")
            entry.rename(gone)
            for folder, _, _ in os.walk(gone):
                Path(folder).chmod(0o700)
            shutil.rmtree(gone, ignore_errors=True)
        finally:
            os.close(lock)


def remove_unlinked(cache: Path) -> None:
    """Remove what was shared by packages that are gone."""
    for kept in _shared(cache):
        for known in kept.iterdir():
            with suppress(FileNotFoundError):
                if known.lstat().st_nlink == 1:
                    known.unlink(missing_ok=True)


def _megabytes(limit: str | None) -> int:
    if not limit:
        return MEGABYTES
    if not limit.isdecimal():
        raise TaskError(f"{LIMIT} is {limit!r}; set it to a whole number of megabytes, or not at all.")
    return int(limit)


def _is_of_all(entry: Path) -> bool:
    return entry.name.startswith(_BYTE_CODE) or entry.name in {_SHARED, _SIZES, *_NO_PACKAGES}


def _used_at(entry: Path) -> float:
    """Return when an entry was used last, in seconds since 1970; 0 if it is gone."""
    with suppress(FileNotFoundError):
        return entry.lstat().st_mtime
    return 0.0
