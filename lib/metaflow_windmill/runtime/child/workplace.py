"""The private directory of one task: its working directory, its logs, and what its process leaves."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.contract.record import StoreInfo

LOCAL = ".metaflow"  # metaflow_config.DATASTORE_LOCAL_DIR
_OF_METAFLOW = ".mf_"  # metaflow/packaging_sys


@dataclass(frozen=True)
class Workplace:
    """Where the files of one task are.

    Parameters
    ----------
    work : Path
        The working directory of the user's code.
    outcome, failure : Path
        What the process of the task leaves: that of a task that ended well, or its exception.
    stdout, stderr : Path
        What it printed.
    """

    work: Path
    outcome: Path
    failure: Path
    stdout: Path
    stderr: Path


@contextmanager
def workplace(datastore: StoreInfo) -> Iterator[Workplace]:
    """Make a private directory for a task in that of its job, and remove it at the end.

    Its working directory is empty but for the datastore: see `fill`.

    Raises
    ------
    TaskError
        If a local datastore is not on this worker.
    """
    base = Path(tempfile.mkdtemp(prefix="metaflow-", dir=_parent()))
    try:
        work = base / "work"
        work.mkdir()
        _place_store(work, datastore)
        names = ("outcome.json", "failure.json", "stdout", "stderr")
        yield Workplace(work, *(base / name for name in names))
    finally:
        shutil.rmtree(base, ignore_errors=True)


def path_with_python(place: Workplace, interpreter: Path, path: str) -> str:
    """Return a ``PATH`` on which ``python`` is an interpreter: a gang starts its nodes by that word.

    Parameters
    ----------
    place : Workplace
    interpreter : Path
    path : str
        What ``PATH`` is without it.
    """
    directory = interpreter.parent
    if not (directory / "python").exists():
        directory = place.outcome.parent / "bin"
        directory.mkdir(exist_ok=True)
        script = directory / "python"
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(str(interpreter))} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    return f"{directory}{os.pathsep}{path}"


def _parent() -> Path | None:
    return Path.cwd() if os.access(Path.cwd(), os.W_OK) else None


def fill(place: Workplace, root: Path) -> None:
    """Put the files of the code package into the working directory, if they are not there yet.

    User code finds them there as copies of its own: it may change them, while the package is shared by all
    tasks on the worker. What is Metaflow's, whose names all begin alike, is a link. A clone needs none.
    """
    filled = place.outcome.with_name("filled")
    if filled.exists():
        return
    for entry in root.iterdir():
        if entry.name.startswith(_OF_METAFLOW):
            (place.work / entry.name).symlink_to(entry)
        else:
            _copy(entry, place.work / entry.name)
    filled.touch()


def _copy(source: Path, target: Path) -> None:
    """Copy a file or a folder so that it can be written to: in the package they are read-only."""
    if source.is_symlink():
        target.symlink_to(source.readlink())
    elif source.is_dir():
        target.mkdir()
        for entry in source.iterdir():
            _copy(entry, target / entry.name)
    else:
        shutil.copyfile(source, target)
        target.chmod(source.stat().st_mode | 0o600)


def _place_store(work: Path, datastore: StoreInfo) -> None:
    if datastore.type != "local":
        (work / LOCAL).mkdir()  # local metadata; it is carried to the datastore at the end
    elif not Path(datastore.root).is_dir():
        raise TaskError(
            f"The datastore {datastore.root} is not on this worker. Mount that directory on every worker, "
            "or deploy the flow with a datastore that all of them reach."
        )
    else:
        (work / LOCAL).symlink_to(datastore.root)  # where Metaflow looks for local cards
