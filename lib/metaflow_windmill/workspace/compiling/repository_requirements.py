"""What a flow needs installed, as its repository says: by a PEP 723 header, or a file beside or above it."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, cast

from metaflow_windmill.errors import DeployError, PackageError
from metaflow_windmill.package.requirements import read_requirements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow_windmill.package.imports import Import
    from metaflow_windmill.types import Json

MAX_LINES = 2000

_HEADER = re.compile(r"(?m)^# /// script$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
_OWN = re.compile(r"(?i)metaflow[-_.]windmill(?![\w.-])")
"""This library itself: a flow is compiled by the one that the job runs, and by no other."""
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9._, -]*\])?\s*([<>=!~;@ ].*)?")


@dataclass(frozen=True)
class Requirements:
    """A set of requirements.

    Parameters
    ----------
    lines : tuple of str
        As pip writes them, sorted; empty for none.
    source : str
        The file of the repository that says so.
    python : str
        PEP 723's ``requires-python``; empty where nothing is said.
    imports : tuple of Import
        What led to them, where nothing is said and the packages' names come from the modules'.
    """

    lines: tuple[str, ...] = ()
    source: str = ""
    python: str = ""
    imports: tuple[Import, ...] = ()

    def digest(self, *more: str) -> str:
        """Return a name for the environment that these requirements make."""
        text = "\n".join([*self.lines, self.python, *more])
        return sha256(text.encode()).hexdigest()[:24]


def requirements_of(root: Path, flow_file: str) -> Requirements:
    """Return what a flow file needs.

    Its own PEP 723 header counts; else the nearest ``requirements.txt`` on the way from its folder
    up to the root of the repository; else the nearest ``uv.lock``; else the nearest ``pyproject.toml``
    with dependencies.

    Raises
    ------
    DeployError
        If a file cannot be read, or asks for what the server cannot install.
    """
    header = _header(root / flow_file)
    if header is not None:
        return _checked(header.get("dependencies", []), flow_file, str(header.get("requires-python", "")))
    folders = [str(folder) for folder in PurePosixPath(flow_file).parents]
    for name, read in (("requirements.txt", _lines), ("uv.lock", _locked), ("pyproject.toml", _project)):
        for folder in folders:
            found = root / folder / name
            if found.is_file() and (lines := read(found)) is not None:
                return _checked(lines, str(PurePosixPath(folder) / name))
    return Requirements()


def _locked(path: Path) -> list[str]:
    try:
        return list(read_requirements(path, f"{sys.version_info[0]}.{sys.version_info[1]}").lines)
    except PackageError as why:
        raise DeployError(str(why).replace(str(path), path.name)) from None


def _header(path: Path) -> dict[str, Json] | None:
    match = _HEADER.search(path.read_text(encoding="utf-8", errors="replace"))
    if match is None:
        return None
    content = "".join(
        line[2:] if line.startswith("# ") else line[1:] for line in match["content"].splitlines(keepends=True)
    )
    return _toml(content, path.name)


def _lines(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ")
    stripped = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return [line for line in stripped if line]


def _project(path: Path) -> list[str] | None:
    project = _toml(path.read_text(encoding="utf-8", errors="replace"), path.name).get("project", {})
    found = project.get("dependencies") if isinstance(project, dict) else None
    return found if isinstance(found, list) else None


def _toml(text: str, name: str) -> dict[str, Json]:
    reader = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        return cast("dict[str, Json]", reader.loads(text))
    except ValueError as why:
        raise DeployError(f"{name} is not valid TOML: {why}. Correct it and push again.") from None


def _checked(lines: Iterable[Json], source: str, python: str = "") -> Requirements:
    plain = sorted(line for line in {str(line).strip() for line in lines} if not _OWN.match(line))
    if len(plain) > MAX_LINES:
        raise DeployError(f"{source} has more than {MAX_LINES} requirements.")
    for line in plain:
        if not _PLAIN.fullmatch(line) or "file:" in line:
            raise DeployError(
                f"{source} has {line[:100]!r}. Only packages by name, version or https address can be "
                "installed for a flow: no options, no paths and no files. Leave it out, or give the flow a "
                "PEP 723 header of its own."
            )
    return Requirements(tuple(plain), source, python)
