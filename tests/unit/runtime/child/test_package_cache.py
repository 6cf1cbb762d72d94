"""What is removed from the cache of code packages, and what stays."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.errors import TaskError
from metaflow_windmill.runtime.child.package_cache import (
    PAUSE,
    UNUSED_AFTER,
    is_due,
    limit_of,
    own_sizes,
    tidy,
)

if TYPE_CHECKING:
    from pathlib import Path

MEGABYTE = 1024 * 1024


def package(cache: Path, name: str, *, days: float = 0, megabytes: int = 1, shared: str = "") -> Path:
    """A package that was used so many days ago, read-only as they are; a part of it may be shared."""
    root = cache / name
    (root / "code").mkdir(parents=True)
    (root / "code" / "file").write_bytes(os.urandom(megabytes * MEGABYTE))
    if shared:
        known = cache / "files" / shared
        known.parent.mkdir(exist_ok=True)
        if not known.exists():
            known.write_bytes(os.urandom(MEGABYTE))
        os.link(known, root / "code" / "shared")
    for place in (root / "code", root):
        place.chmod(0o555)
    used = time.time() - days * 24 * 3600
    os.utime(root, (used, used))
    return root


def names(cache: Path) -> set[str]:
    return {entry.name for entry in cache.iterdir()}


def sizes_in(cache: Path, **more: float) -> dict[str, int]:
    return own_sizes(cache, names(cache) - {"files", "sizes"}, **more)


def test_what_nothing_uses_is_removed(tmp_path: Path) -> None:
    for name, days in (("unused", UNUSED_AFTER / 86400 + 1), (".unused.leftover", 99), ("used", 20)):
        package(tmp_path, name, days=days)
    package(tmp_path, "environments", days=99)
    tidy(tmp_path, limit_of(None))
    assert names(tmp_path) == {"used", "environments", "sizes"}


def test_above_its_limit_the_cache_loses_what_was_used_longest_ago(tmp_path: Path) -> None:
    for days in range(5):
        package(tmp_path, f"{days} days", days=days, megabytes=2, shared="same")
    assert sum(sizes_in(tmp_path).values()) >= 10 * MEGABYTE
    tidy(tmp_path, limit_of("6"))
    assert names(tmp_path) == {"0 days", "1 days", "files", "sizes"}
    assert names(tmp_path / "files") == {"same"}


def test_what_no_package_shares_any_more_is_removed(tmp_path: Path) -> None:
    package(tmp_path, "old", days=99, shared="gone")
    package(tmp_path, "new", shared="kept")
    tidy(tmp_path, limit_of(None))
    assert names(tmp_path / "files") == {"kept"}


def test_a_package_is_looked_through_once_however_often_others_come(tmp_path: Path) -> None:
    package(tmp_path, "first", megabytes=1, shared="same")
    known = sizes_in(tmp_path)
    (tmp_path / "first" / "code").chmod(0o755)
    (tmp_path / "first" / "code" / "more").write_bytes(os.urandom(MEGABYTE))  # which no package ever gets
    package(tmp_path, "second", megabytes=1, shared="same")
    sizes = sizes_in(tmp_path)
    assert sizes["first"] == known["first"]
    assert MEGABYTE <= sizes["second"] < 2 * MEGABYTE  # its own part, and nothing of what is shared


def test_a_try_that_goes_on_is_looked_through_each_time(tmp_path: Path) -> None:
    leftover = package(tmp_path, ".first.try")
    known = sizes_in(tmp_path)[".first.try"]
    (leftover / "code").chmod(0o755)
    (leftover / "code" / "more").write_bytes(os.urandom(MEGABYTE))
    assert sizes_in(tmp_path)[".first.try"] - known >= MEGABYTE


def test_a_limit_that_is_none_is_told() -> None:
    with pytest.raises(TaskError, match="METAFLOW_WINDMILL_CACHE_MEGABYTES is 'much'; set it to"):
        limit_of("much")


def test_a_job_that_is_over_waits_no_longer_than_it_is_to(tmp_path: Path) -> None:
    for name in ("unused", "older"):
        package(tmp_path, name, days=99)
    tidy(tmp_path, 0, patience=0)
    assert names(tmp_path) == {"unused", "older"}
    assert sizes_in(tmp_path, deadline=0) == {}
    known = sizes_in(tmp_path)
    package(tmp_path, "newer")
    assert sizes_in(tmp_path, deadline=0) == known
    tidy(tmp_path, 0)
    assert names(tmp_path) == {"sizes"}


def test_sizes_that_nobody_can_read_are_looked_for_again(tmp_path: Path) -> None:
    package(tmp_path, "first")
    known = sizes_in(tmp_path)
    (tmp_path / "sizes" / "sizes").write_bytes(b"of\xffa full disk")
    assert sizes_in(tmp_path) == known


def test_a_cache_that_was_tidied_of_late_is_left_alone(tmp_path: Path) -> None:
    package(tmp_path, "first")
    assert is_due(tmp_path)
    tidy(tmp_path, limit_of(None))
    assert not is_due(tmp_path)
    long_ago = time.time() - PAUSE - 1
    os.utime(tmp_path / "sizes" / "sizes", (long_ago, long_ago))
    assert is_due(tmp_path)
