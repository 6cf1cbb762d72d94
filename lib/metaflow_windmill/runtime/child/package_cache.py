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
    from collections.abc import Iterable, Iterator

LIMIT = "METAFLOW_WINDMILL_CACHE_MEGABYTES"
MEGABYTES = 10_000
"""The limit where the variable is not set."""
UNUSED_AFTER = 30 * 24 * 3600  # seconds
PAUSE = 300
"""Seconds in which nobody tidies a cache again: to look at 3,000 packages takes 0.04 s."""
PATIENCE = 1.0
"""Seconds after which a job begins with no other package: the rest is left to the next job with a new one."""

_NO_PACKAGES = {"library", "environments"}
_SHARED = "files"
_BYTE_CODE = "bytecode-"
_SIZES = "sizes"
"""The folder, and the file in it, of what each package takes alone: each is looked through once only.
Each tidying that finds a new package writes it anew."""
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


def is_due(cache: Path) -> bool:
    """Tell whether nobody has tidied a cache of late."""
    with suppress(OSError):
        return not 0 <= time.time() - (cache / _SIZES / _SIZES).stat().st_mtime <= PAUSE
    return True


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
    names = []
    for used, name in sorted(_entries(cache)):
        if used >= too_old or time.monotonic() > deadline or not remove(cache / name):
            names.append(name)
    shared, own = remove_unlinked(cache), own_sizes(cache, names, deadline)
    for name in names:
        if shared + sum(own.values()) <= most or time.monotonic() > deadline:
            break
        if remove(cache / name) and own.pop(name, None) is not None:
            shared = remove_unlinked(cache)


def own_sizes(cache: Path, names: Iterable[str], deadline: float = math.inf) -> dict[str, int]:
    """Return the bytes that packages and leftovers take alone, by their names; what several share is of none.

    It never changes, so it is noted where a package is complete. Once the clock is at the deadline,
    those that are not noted are left out.
    """
    file, noted = cache / _SIZES / _SIZES, dict[str, int]()
    with suppress(OSError, ValueError):
        lines = file.read_text(encoding="utf-8").splitlines()
        noted = {name: int(size) for size, name in (line.split(" ", 1) for line in lines)}
    sizes = {}
    for name in names:
        if name in noted or time.monotonic() < deadline:
            sizes[name] = noted.get(name) or _own_size(cache / name)
    complete = {name: size for name, size in sizes.items() if name[0] != "."}  # others are in the making
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


def remove(entry: Path) -> bool:
    """Remove a package that no job holds, or a leftover; tell whether it is gone."""
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
    return not entry.exists()


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
