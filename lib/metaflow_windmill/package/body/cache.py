"""The worker's cache of unpacked code packages, which any number of jobs share."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from metaflow_windmill.package.body.unpack import held, unpack

GROUP_OR_OTHERS_WRITE = 0o022


def find_package(package: dict[str, str], datastore: str, cache: Path) -> Path:
    """Return the directory of the unpacked code package, shared by all tasks on this worker."""
    root = cache / package["sha"]
    while not held(root):
        unpack(package, datastore, root)
    with contextlib.suppress(OSError):
        os.utime(root)  # tells those who tidy the cache when it was used last
    return root


def cache_directory() -> Path:
    """Return a directory that nobody else can write to: what is in it will be run."""
    given = os.environ.get("METAFLOW_WINDMILL_CACHE")
    cache = Path(given or f"{tempfile.gettempdir()}/metaflow-windmill-{os.getuid()}")
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = cache.stat()
        if status.st_uid == os.getuid() and not status.st_mode & GROUP_OR_OTHERS_WRITE:
            return cache
        problem = "others can write to it"
    except OSError as why:
        problem = str(why)
    print(f"Warning: the package cache {cache} is not used ({problem}); set METAFLOW_WINDMILL_CACHE")
    return private_directory()


def private_directory() -> Path:
    """Return a directory of this job alone, which goes with it."""
    return Path(tempfile.mkdtemp(prefix="metaflow-windmill-", dir=Path.cwd()))
