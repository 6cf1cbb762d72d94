"""The files of a commit, checked before anything reads them: names, number, size, links."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.errors import GitSourceError
from metaflow_windmill.gitsource.git import too_large

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from metaflow_windmill.gitsource.git import GitLimits

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")
LINK, SUBMODULE = "120000", "160000"


@dataclass(frozen=True)
class Entry:
    """One name in a commit: its mode as git writes it, its size in bytes, its path."""

    mode: str
    size: int
    path: str

    @property
    def is_file(self) -> bool:
        """Return whether it is a regular file."""
        return self.mode not in {LINK, SUBMODULE}


def read_tree(listing: bytes) -> tuple[Entry, ...]:
    """Read the output of ``git ls-tree -r -l -z``.

    Raises
    ------
    GitSourceError
        If a name is not UTF-8.
    """
    return tuple(_entry(line) for line in listing.split(b"\0") if line)


def _entry(line: bytes) -> Entry:
    about, _, name = line.partition(b"\t")
    mode, _, _, size = about.decode().split()
    try:
        return Entry(mode, 0 if size == "-" else int(size), name.decode())
    except UnicodeDecodeError as why:
        raise GitSourceError(
            f"The commit holds a file whose name is not UTF-8: {name!r}. Rename it."
        ) from why


def check_tree(entries: Sequence[Entry], limits: GitLimits) -> None:
    """Refuse a commit that would write outside its directory, or too much into it.

    Raises
    ------
    GitSourceError
        Naming the first entry at fault, or the limit.
    """
    if len(entries) > limits.files:
        raise GitSourceError(f"The commit holds {len(entries)} files; the limit is {limits.files}.")
    if sum(entry.size for entry in entries) > limits.bytes:
        raise too_large(limits)
    for entry in entries:
        if any(_is_unsafe(name) for name in entry.path.split("/")):
            raise GitSourceError(
                f"The commit holds {entry.path!r}, a name that leaves the checkout or that git itself uses. "
                "Nothing was read from it."
            )


def _is_unsafe(name: str) -> bool:
    return name.lower() in {"", ".", "..", ".git"} or _UNSAFE.search(name) is not None


def check_links(entries: Sequence[Entry], root: Path) -> None:
    """Refuse a checkout with a symbolic link that leads out of it, by whatever chain of links.

    Raises
    ------
    GitSourceError
        Naming the link.
    """
    base = os.path.realpath(root)
    for entry in entries:
        if entry.mode != LINK:
            continue
        target = os.path.realpath(root / entry.path)
        if target != base and not target.startswith(base + os.sep):
            raise GitSourceError(
                f"The symbolic link {entry.path!r} leads out of the repository. Replace it by a file; "
                "nothing was read through it."
            )
