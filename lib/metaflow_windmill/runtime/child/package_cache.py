"""Keeps the cache of code packages on a worker small; `package.body.unpack` fills it."""

from __future__ import annotations

import fcntl
import math
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = "METAFLOW_WINDMILL_CACHE_MEGABYTES"
MEGABYTES = 10_000
"""The limit where the variable is not set."""
UNUSED_AFTER = 30 * 24 * 3600  # seconds
PATIENCE = 1.0
"""Seconds after which a job begins with no other package: the rest is left to the next job with a new one."""

_NO_PACKAGES = {"library", "environments"}
_SHARED = "files"
_BYTE_CODE = "bytecode-"
_SIZES = "sizes"
"""The folder, and the file in it, of what each package takes alone: each is looked through once only."""
_BLOCK = 512
"""Bytes: the unit of `os.stat_result.st_blocks`."""


def limit_of(megabytes: str | None) -> int:
    """Return how large a cache may be, in bytes.

    Raises
    ------
    TaskError
        If what is set is no number.
    """
    if megabytes and not megabytes.isdecimal():
        raise TaskError(f"{LIMIT} is {megabytes!r}; set it to a whole number of megabytes, or not at all.")
    return int(megabytes or MEGABYTES) * 1024 * 1024


def tidy(cache: Path, most: int, patience: float = PATIENCE) -> None:
    """Remove packages, and leftovers of tries that were killed, that nothing has used for long.

    Where the cache is larger than it may be, those that were used longest ago go too. What a job
    that runs has in use stays.

    Parameters
    ----------
    cache : Path
    most : int
        Its largest size in bytes.
    patience : float
        Seconds after which no other package is removed or looked through.
    """
    deadline, too_old = time.monotonic() + patience, time.time() - UNUSED_AFTER
    entries = sorted(_entries(cache))
    for used, name in entries:
        if used < too_old and time.monotonic() < deadline:
            remove(cache / name)
    shared, own = remove_unlinked(cache), own_sizes(cache, deadline)
    for _, name in entries:
        if shared + sum(own.values()) <= most or time.monotonic() > deadline:
            break
        remove(cache / name)
        if not (cache / name).exists() and own.pop(name, None) is not None:
            shared = remove_unlinked(cache)


def own_sizes(cache: Path, deadline: float = math.inf) -> dict[str, int]:
    """Return the bytes that packages and leftovers take alone; what several share is of none.

    It never changes, so it is noted where a package is complete. Once the clock is at the deadline,
    those that are not noted are left out.
    """
    file, noted = cache / _SIZES / _SIZES, dict[str, int]()
    with suppress(OSError, ValueError):
        lines = file.read_text(encoding="utf-8").splitlines()
        noted = {name: int(size) for size, name in (line.split(" ", 1) for line in lines)}
    sizes = {}
    for _, name in _entries(cache):
        if name in noted or time.monotonic() < deadline:
            sizes[name] = noted.get(name) or _own_size(cache / name)
    complete = {
        name: size for name, size in sizes.items() if not name.startswith(".")
    }  # others are in the making
    if complete != noted:
        _note(file, complete)
    return sizes


def _note(file: Path, sizes: dict[str, int]) -> None:
    with suppress(OSError):
        file.parent.mkdir(exist_ok=True)
        beside = file.with_name(f".{_SIZES}.{os.getpid()}")
        beside.write_text("".join(f"{size} {name}\n" for name, size in sizes.items()), encoding="utf-8")
        beside.rename(file)


def _own_size(entry: Path) -> int:
    """Look a package through: its folders, and the files that no other has."""
    size, folders = 0, [str(entry)]
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as found:
            for each in found:
                status = each.stat(follow_symlinks=False)
                if each.is_dir(follow_symlinks=False):
                    folders.append(each.path)
                elif status.st_nlink > 1:
                    continue
                size += status.st_blocks * _BLOCK
    return size


def _entries(cache: Path) -> Iterator[tuple[float, str]]:
    """Yield when each package or leftover was used last, in seconds since 1970, and its name."""
    with os.scandir(cache) as found:
        for entry in found:
            if not _is_of_all(entry.name):
                with suppress(FileNotFoundError):
                    yield entry.stat(follow_symlinks=False).st_mtime, entry.name


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


def remove_unlinked(cache: Path) -> int:
    """Remove what was shared by packages that are gone; return the bytes of what others share."""
    size = 0
    for folder in (cache / _SHARED, *cache.glob(f"{_BYTE_CODE}*")):
        with suppress(OSError), os.scandir(folder) as found:
            for known in found:
                with suppress(FileNotFoundError):
                    status = known.stat(follow_symlinks=False)
                    size += status.st_blocks * _BLOCK
                    if status.st_nlink == 1:
                        Path(known.path).unlink()
                        size -= status.st_blocks * _BLOCK
    return size


def _is_of_all(name: str) -> bool:
    return name.startswith(_BYTE_CODE) or name in {_SHARED, _SIZES, *_NO_PACKAGES}
