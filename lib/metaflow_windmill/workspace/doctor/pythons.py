"""The Pythons that deployed flows were made for, beside those that a worker has.

The first line of a step's lock names its Python, and the packages that it pins are those of that one. A
worker of Windmill keeps several, fetched by uv when they are first asked for; where ``PYTHON_PATH`` names
one, it has no other (``python_versions.rs`` of 1.788).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.openflow import objects_in
from metaflow_windmill.workspace.doctor.findings import Finding
from metaflow_windmill.workspace.doctor.flow_findings import CREATE
from metaflow_windmill.workspace.doctor.machine import dotted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from metaflow_windmill.types import Json

KEPT = "cache/py_runtime"
"""Where Windmill keeps Pythons, below its own directory."""

_LOCKED = re.compile(r"# py(?:thon)?: ?(\d+)\.(\d+)")
_INSTALLED = re.compile(r"\bcpython-(\d+)\.(\d+)\.")
_SECONDS = 10
_ADVICE = (
    "Give the worker that Python (`uv python install {python}`; Windmill fetches it by itself where it may, "
    "and has no other where PYTHON_PATH is set), or run `{create}` with Python {has}."
)

Version = tuple[int, int]


def pythons_of(value: Json) -> Iterator[Version]:
    """Yield the Pythons that the locks of a flow's steps are for."""
    locks = (lock for part in objects_in(value) if isinstance(lock := part.get("lock"), str))
    yield from ((int(match[1]), int(match[2])) for lock in locks if (match := _LOCKED.match(lock)))


def python_findings(flows: Iterable[tuple[str, Json]], here: frozenset[Version]) -> Iterator[Finding]:
    """Yield each Python that flows were made for and that this worker does not have.

    Parameters
    ----------
    flows : iterable of str and JSON
        Their paths and values.
    here : frozenset of tuple of int
        From `pythons_here`.
    """
    asking: dict[Version, list[str]] = defaultdict(list)
    for path, value in flows:
        for version in sorted(set(pythons_of(value)) - here):
            asking[version].append(path)
    has = ", ".join(map(dotted, sorted(here)))
    for version, paths in sorted(asking.items()):
        others = f" (so were {len(paths) - 1} more)" if len(paths) > 1 else ""
        said = f"{paths[0]} was made for Python {dotted(version)}{others}, and here is {has}."
        advice = _ADVICE.format(create=CREATE, python=dotted(version), has=dotted(max(here)))
        yield Finding("pythons", "warn", said, advice)


def pythons_here() -> frozenset[Version]:
    """Return the Pythons that jobs of this worker can run with: this one, and what uv has for Windmill."""
    folders = [None, *(folder for folder in _kept() if folder.is_dir())]
    found = (match for folder in folders for match in _INSTALLED.finditer(_listed(folder)))
    return frozenset({sys.version_info[:2], *((int(match[1]), int(match[2])) for match in found)})


def _kept() -> Iterator[Path]:
    """Yield where Windmill may keep Pythons: its directory is around that of each job."""
    yield Path("/tmp/windmill") / KEPT  # noqa: S108 (Windmill's own place)
    for above in Path.cwd().parents:
        yield above / KEPT


def _listed(folder: Path | None) -> str:
    """Return what ``uv`` says that it has; nothing where there is none."""
    program = shutil.which("uv")
    if program is None:
        return ""
    environment = {**os.environ, **({} if folder is None else {"UV_PYTHON_INSTALL_DIR": str(folder)})}
    try:
        done = subprocess.run(
            [program, "python", "list", "--only-installed", "--offline"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout
