# requirements:
"""What the scripts of ``f/metaflow`` are made of: a whole library, compressed, in one script.

Written by ``scripts/check --fix`` and by ``metaflow-windmill install``, never by hand. The other
scripts import this one and call `load`, which unpacks the library into the worker's cache, once,
and lets Python find it there. So a workspace runs the very code that it was given, and no package
index is asked for it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

VERSION = ""
SHA256 = ""
"""Of what is compressed in ARCHIVE."""

PACKAGE = "metaflow_windmill"
PROOF = "workspace/entry_points.py"
"""A file of this library, which another package of the same name does not have."""
UNUSED_AFTER = 30 * 24 * 3600  # seconds
GROUP_OR_OTHERS_WRITE = 0o022
READ_ONLY = 0o444


class LibraryError(Exception):
    """The library cannot be unpacked."""


def load() -> None:
    """Let this job import the library: the one that its environment has, or else this one."""
    if not is_importable():
        folder = str(unpacked(cache_directory()))
        if folder not in sys.path:
            sys.path.insert(0, folder)


def is_importable() -> bool:
    """Tell whether the library is there already, such as by ``metaflow-windmill install --package``."""
    spec = find_spec(PACKAGE)
    places = (spec.submodule_search_locations or ()) if spec else ()
    return any((Path(place) / PROOF).is_file() for place in places)


def cache_directory() -> Path:
    """Return a directory that nobody else can write to: what is in it will be run."""
    given = os.environ.get("METAFLOW_WINDMILL_CACHE")
    cache = Path(given or f"{tempfile.gettempdir()}/metaflow-windmill-{os.getuid()}")
    with contextlib.suppress(OSError):
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        (cache / "library").mkdir(mode=0o700, exist_ok=True)
        status = cache.stat()
        if status.st_uid == os.getuid() and not status.st_mode & GROUP_OR_OTHERS_WRITE:
            return cache / "library"
    return Path(tempfile.mkdtemp(prefix="metaflow-windmill-", dir=Path.cwd()))


def unpacked(cache: Path) -> Path:
    """Return the folder of the library in the cache; make it if this worker does not have it yet."""
    place = cache / f"{VERSION}-{SHA256[:16]}-{sys.implementation.cache_tag}"
    if not place.is_dir():
        remove_unused(cache)
        unpack(place)
    with contextlib.suppress(OSError):
        for used in (place, cache):  # tells those who clear the cache up
            os.utime(used)
    return place


def unpack(place: Path) -> None:
    """Write and compile beside the final place, then rename: a half-done try is never seen."""
    import shutil

    files = contents()
    try:
        beside = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
        try:
            for name, text in files.items():
                write(beside, place, name, text)
            beside.rename(place)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as why:
        if not place.is_dir():  # otherwise another worker was faster
            raise LibraryError(
                f"The library of f/metaflow cannot be unpacked into {place.parent} ({why}). Make room there, "
                "or set METAFLOW_WINDMILL_CACHE to another directory on the worker."
            ) from why


def contents() -> dict[str, str]:
    """Return the text of each file by its name.

    Raises
    ------
    LibraryError
        If it is not what was packed.
    """
    import base64
    import bz2
    import hashlib
    import json

    try:
        packed = bz2.decompress(base64.b85decode("".join(ARCHIVE.split())))
    except (ValueError, OSError):
        packed = b""
    if hashlib.sha256(packed).hexdigest() != SHA256:
        raise LibraryError(
            "The script f/metaflow/library is not as it was written. Run `metaflow-windmill install`, or "
            "`wmill sync push` from a clone, again."
        )
    files: dict[str, str] = json.loads(packed)
    return files


def write(beside: Path, place: Path, name: str, text: str) -> None:
    """Write a file, and the byte code of a module: nothing of it ever changes, so it is never compared."""
    import py_compile
    from importlib.util import cache_from_source

    file = beside / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8", newline="\n")
    file.chmod(READ_ONLY)
    if file.suffix == ".py":
        py_compile.compile(
            str(file),
            cache_from_source(str(file)),
            str(place / name),
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            quiet=2,
        )


def remove_unused(cache: Path) -> None:
    """Remove other versions, and leftovers of tries that were killed, that nothing has used for long."""
    import shutil
    import time

    for entry in cache.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another worker has just renamed or removed it
            if time.time() - entry.lstat().st_mtime > UNUSED_AFTER:
                shutil.rmtree(entry, ignore_errors=True)


ARCHIVE = ""
