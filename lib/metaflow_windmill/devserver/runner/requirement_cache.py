"""What a job needs to run, resolved and installed by uv into a cache that all workers of a user share."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from metaflow_windmill.devserver.requirements.demand import of_lock
from metaflow_windmill.devserver.runner.interpreters import choice, place_of, python_in
from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.devserver.model import Demand


class Tools(Protocol):
    """Runs programs for a job, which may be killed meanwhile, and tells its log."""

    def run(self, *command: str) -> None:
        """Run a program to its good end; its words go to the job's log."""

    def say(self, text: str) -> None:
        """Write a line into the job's log."""


RESOLUTION_LASTS = 300.0
"""Seconds that the same requirements come to the same versions without another look, as on a real server."""


@dataclass(frozen=True)
class Prepared:
    """What a job is run by: an interpreter, and the folder of its packages where it has some."""

    python: Path
    packages: Path | None


def prepare(demand: Demand, cache: Path, tools: Tools) -> Prepared:
    """Return what a job is run by, from the cache or newly made.

    Raises
    ------
    ServerError
        If uv is not there.
    """
    python = interpreter(demand, cache, tools)
    if demand.lines and not demand.locked:
        demand = of_lock(resolved(demand, cache, tools))
    return Prepared(python, installed(demand, python, cache, tools) if demand.lines else None)


def resolved(demand: Demand, cache: Path, tools: Tools) -> str:
    """Return a lock: the version of Python, and all that the requirements come to, each at one version."""
    python = interpreter(demand, cache, tools)
    header = f"# py: {_minor(python)}"
    if not demand.lines:
        return header
    kept = cache / "resolutions" / f"{_digest(header, *demand.lines)}.txt"
    with _held(kept):
        if not kept.exists() or time.time() - kept.stat().st_mtime > RESOLUTION_LASTS:
            tools.say(f"Resolving {', '.join(demand.lines)}")
            _compile(demand, python, kept, tools)
        return f"{header}\n{kept.read_text(encoding='utf-8').strip()}"


def interpreter(demand: Demand, cache: Path, tools: Tools) -> Path:
    """Return an interpreter that the demand allows, with the standard library and nothing else."""
    chosen = choice(demand.python)
    place = place_of(chosen, cache)
    python = python_in(place)
    if python.exists():
        return python
    with _held(place):
        if not python.exists():
            with _beside(place) as new:
                tools.run(find_uv(), "venv", "--quiet", "--no-project", "--python", chosen, str(new))
                shutil.rmtree(place, ignore_errors=True)
                new.rename(place)
    return python


def installed(demand: Demand, python: Path, cache: Path, tools: Tools) -> Path:
    """Return the folder that holds the packages of a lock, installed with byte code if nobody has."""
    folder = cache / "packages" / _digest(str(python), *demand.lines)
    if folder.exists():
        return folder
    with _held(folder):
        if not folder.exists():
            tools.say(f"Installing {', '.join(demand.lines)}")
            with _beside(folder) as new:
                listed = new.with_suffix(".txt")
                listed.write_text("".join(f"{line}\n" for line in demand.lines), encoding="utf-8")
                command = (find_uv(), "pip", "install", "--quiet", "--no-deps", "--compile-bytecode")
                try:
                    tools.run(*command, "--python", str(python), "--target", str(new), "-r", str(listed))
                finally:
                    listed.unlink()
                new.rename(folder)
    return folder


def find_uv() -> str:
    """Return uv: the one beside this interpreter, or on the path.

    Raises
    ------
    ServerError
        If there is none.
    """
    found = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if found is None:
        raise ServerError(
            "Jobs need uv to install what they require, and it is not here. Install it (pip install uv), or "
            "start the server with --shared-environment: jobs then see the server's own packages."
        )
    return found


def _compile(demand: Demand, python: Path, kept: Path, tools: Tools) -> None:
    with _beside(kept) as new:
        wanted = new.with_suffix(".in")
        wanted.write_text("".join(f"{line}\n" for line in demand.lines), encoding="utf-8")
        command = (find_uv(), "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--strip-extras")
        try:
            tools.run(*command, "--python", str(python), "--output-file", str(new), str(wanted))
        finally:
            wanted.unlink()
        new.rename(kept)


def _minor(python: Path) -> str:
    """Return the version of an empty environment, such as ``3.12``."""
    return next((python.parent.parent / "lib").glob("python3.*")).name.removeprefix("python")


def _digest(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:32]


@contextmanager
def _held(place: Path) -> Iterator[None]:
    """Let one worker at a time make a place; the system frees it when the worker ends."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with place.with_name(f"{place.name}.lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """Give a name beside a place for what becomes it; what is left there is removed."""
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="new-") as folder:
        yield Path(folder) / place.name
