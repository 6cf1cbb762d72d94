"""The worker's cache of unpacked code packages, which any number of jobs share."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from metaflow_windmill.package.body.failures import PackageError
from metaflow_windmill.package.body.fetch import check, fetch

GROUP_OR_OTHERS_WRITE = 0o022
EXECUTE, OWNER_EXECUTES = 0o111, 0o100


def find_package(package: dict[str, str], datastore: str, cache: Path) -> Path:
    """Return the directory of the unpacked code package, shared by all tasks on this worker."""
    root = cache / package["sha"]
    while not held(root):
        unpack(package, datastore, root)
    with contextlib.suppress(OSError):
        os.utime(root)  # tells those who tidy the cache when it was used last
    return root


def held(root: Path) -> bool:
    """Keep others from removing a package while this job lives; tell whether it is there."""
    try:
        lock = os.open(root, os.O_RDONLY)  # never closed
    except FileNotFoundError:
        return False
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(lock, fcntl.LOCK_SH)
    try:
        return os.fstat(lock).st_ino == root.stat().st_ino
    except FileNotFoundError:
        return False


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


def unpack(package: dict[str, str], datastore: str, root: Path) -> None:
    """Fetch, check, unpack and compile beside the final place, then rename: a half-done try is never seen."""
    beside = place_beside(root)
    try:
        with tempfile.TemporaryFile(dir=beside) as blob:
            fetch(package["url"], datastore, blob)
            check(blob, package)
            with tarfile.open(fileobj=blob, mode="r:*") as archive:
                archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
                shas = spread(archive, beside, root.parent / "files")
        compile_all(beside / ".mf_code", root / ".mf_code", bytecode(root.parent), shas)
        beside.rename(root)
        for folder, _, _ in os.walk(root, topdown=False):
            Path(folder).chmod(0o555)
    except OSError as why:
        if not root.is_dir():  # otherwise another worker was faster
            raise PackageError(
                f"The code package cannot be unpacked into {root.parent} ({why}). "
                "Make room there, or set METAFLOW_WINDMILL_CACHE to another directory on the worker."
            ) from why
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def place_beside(root: Path) -> Path:
    """Return a new directory that others keep from removing while this job lives, under any name."""
    while True:
        beside = Path(tempfile.mkdtemp(prefix=f".{root.name}.", dir=root.parent))
        if held(beside):
            return beside


def spread(archive: tarfile.TarFile, package: Path, kept: Path) -> dict[Path, str]:
    """Write what an archive holds, and keep what several packages hold, Metaflow's own files mostly, once.

    Nobody may write to it. Returns the sha1 of each file.
    """
    kept.mkdir(exist_ok=True)
    shas, others = dict[Path, str](), list[tarfile.TarInfo]()
    for member in archive:
        content = archive.extractfile(member) if is_plain(member) else None
        if content is None:
            others.append(member)
            continue
        file, execute = package / member.name, member.mode & EXECUTE if member.mode & OWNER_EXECUTES else 0
        with content:
            shas[file] = keep(content.read(), file, kept, execute)
    archive.extractall(package, others)  # noqa: S202 (its sha was checked)
    for file in (package / member.name for member in others):
        if file.is_file():
            shas[file] = sha1(file.read_bytes())
            if not file.is_symlink():
                file.chmod(0o444 | file.stat().st_mode & EXECUTE)
    return shas


def is_plain(member: tarfile.TarInfo) -> bool:
    """Tell whether a member is a file in its place, which tarfile's own filter, a slow one, need not see."""
    return member.isreg() and not member.name.startswith("/") and ".." not in member.name.split("/")


def sha1(content: bytes) -> str:
    """Return what a file is known by."""
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def keep(content: bytes, file: Path, kept: Path, execute: int) -> str:
    """Make a file the same as the known one of this content, or known if there is none, where that can be."""
    sha = sha1(content)
    known = kept / f"{sha}{'x' if execute else ''}"
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(known, file)
    except OSError:
        file.unlink(missing_ok=True)  # a name may stand twice, and what is there is shared
        file.write_bytes(content)
        file.chmod(0o444 | execute)
        with contextlib.suppress(OSError):  # another worker was faster, or a file system without links
            os.link(file, known)
    return sha


def bytecode(cache: Path) -> Path:
    """Return where the byte code of all packages in the cache is kept, for this version of Python."""
    return cache / f"bytecode-{sys.implementation.cache_tag}"


def compile_all(code: Path, final: Path, kept: Path, shas: dict[Path, str]) -> None:
    """Give every module its byte code, which it shares with the same module of other packages.

    To compile a package takes a second, and from one deployment to the next little of it changes.
    """
    import py_compile  # all other modules come with Metaflow anyway; this one would cost each task its time
    from importlib.util import cache_from_source

    kept.mkdir(exist_ok=True)
    for source, sha in shas.items():
        if source.suffix != ".py" or code not in source.parents:
            continue
        known = kept / sha
        compiled = Path(cache_from_source(str(source)))
        compiled.parent.mkdir(exist_ok=True)
        try:
            os.link(known, compiled)
        except OSError:
            unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH  # nothing of a package ever changes
            name = str(final / source.relative_to(code))
            py_compile.compile(str(source), str(compiled), name, invalidation_mode=unchecked, quiet=2)
            with contextlib.suppress(OSError):  # it does not compile, or another worker was faster
                compiled.chmod(0o444)
                os.link(compiled, known)
