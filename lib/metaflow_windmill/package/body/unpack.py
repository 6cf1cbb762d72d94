"""A code package becomes a folder of the worker's cache, and what the worker has already is linked.

There are 800 files and more in it, and making a `Path` of each would take as long as the rest.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import io
import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import IO

from metaflow_windmill.package.body.failures import PackageError
from metaflow_windmill.package.body.fetch import check, fetch

EXECUTE, OWNER_EXECUTES = 0o111, 0o100
CODE = ".mf_code/"
"""What begins the names of those files of a package that Python imports."""
LARGE = 1 << 20
"""Bytes that are uncompressed at once, since `tarfile` asks for little: a header, a small file."""


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


def unpack(package: dict[str, str], datastore: str, root: Path) -> None:
    """Fetch, check, unpack and compile beside the final place, then rename: a half-done try is never seen."""
    beside = place_beside(root)
    try:
        with tempfile.TemporaryFile(dir=beside) as blob:
            fetch(package["url"], datastore, blob)
            check(blob, package)
            with io.BufferedReader(gzip.GzipFile(fileobj=blob), LARGE) as text:
                shas = spread(text, beside, root.parent / "files")
        compile_all(beside, root, bytecode(root.parent), shas)
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


def spread(text: IO[bytes], package: Path, kept: Path) -> dict[str, str]:
    """Write what an archive holds, and keep what several packages hold, Metaflow's own files mostly, once.

    Nobody may write to it. Returns the sha1 of each file by its name in the package.
    """
    kept.mkdir(exist_ok=True)
    shas, others, folders = dict[str, str](), list[tarfile.TarInfo](), set[str]()
    with tarfile.open(fileobj=text, mode="r:") as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        for member in archive:
            if not is_plain(member):
                others.append(member)
                continue
            file = f"{package}/{member.name}"
            execute = member.mode & EXECUTE if member.mode & OWNER_EXECUTES else 0
            make_folder(file.rpartition("/")[0], folders)
            text.seek(member.offset_data)
            shas[member.name] = keep(text.read(member.size), file, f"{kept}/", execute)
        archive.extractall(package, others)  # noqa: S202 (its sha was checked)
    for name in (member.name for member in others):
        if (package / name).is_file():
            shas[name] = finish(package / name)
    return shas


def is_plain(member: tarfile.TarInfo) -> bool:
    """Tell whether a member is a file in its place, which tarfile's own filter, a slow one, need not see."""
    inside = not member.name.startswith("/") and ".." not in member.name.split("/")
    return inside and member.isreg() and not member.issparse()


def make_folder(folder: str, made: set[str]) -> None:
    """Make a folder of many files once."""
    if folder not in made:
        Path(folder).mkdir(parents=True, exist_ok=True)
        made.add(folder)


def sha1(content: bytes) -> str:
    """Return what a file is known by."""
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def keep(content: bytes, file: str, kept: str, execute: int) -> str:
    """Make a file the same as the known one of this content, or known if there is none, where that can be."""
    sha = sha1(content)
    known = f"{kept}{sha}{'x' if execute else ''}"
    try:
        os.link(known, file)
    except OSError:
        new = Path(file)
        new.unlink(missing_ok=True)  # a name may stand twice, and what is there is shared
        new.write_bytes(content)
        new.chmod(0o444 | execute)
        with contextlib.suppress(OSError):  # another worker was faster, or a file system without links
            os.link(file, known)
    return sha


def finish(file: Path) -> str:
    """Let nobody write to a file that `tarfile` has made; return its sha1."""
    if not file.is_symlink():
        file.chmod(0o444 | file.stat().st_mode & EXECUTE)
    return sha1(file.read_bytes())


def bytecode(cache: Path) -> Path:
    """Return where the byte code of all packages in the cache is kept, for this version of Python."""
    return cache / f"bytecode-{sys.implementation.cache_tag}"


def compile_all(package: Path, final: Path, kept: Path, shas: dict[str, str]) -> None:
    """Give every module its byte code, which it shares with the same module of other packages.

    To compile a package takes a second, and from one deployment to the next little of it changes.
    """
    kept.mkdir(exist_ok=True)
    folders = set[str]()
    for name, sha in shas.items():
        if not (name.startswith(CODE) and name.endswith(".py")):
            continue
        folder, _, module = name.rpartition("/")
        cached = f"{package}/{folder}/__pycache__"
        make_folder(cached, folders)
        known = f"{kept}/{sha}"
        compiled = f"{cached}/{module[:-3]}.{sys.implementation.cache_tag}.pyc"
        try:
            os.link(known, compiled)
        except OSError:
            compile_one(f"{package}/{name}", f"{final}/{name}", compiled, known)


def compile_one(source: str, name: str, compiled: str, known: str) -> None:
    """Compile a module that no package of this worker had."""
    import py_compile  # all other modules come with Metaflow anyway; this one would cost each task its time

    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH  # nothing of a package ever changes
    py_compile.compile(source, compiled, name, invalidation_mode=unchecked, quiet=2)
    with contextlib.suppress(OSError):  # it does not compile, or another worker was faster
        Path(compiled).chmod(0o444)
        os.link(compiled, known)
