"""What the steps of a flow import from elsewhere, read from the files in which people write it down."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from metaflow_windmill.errors import PackageError
from metaflow_windmill.package.markers import applies
from metaflow_windmill.package.target import chosen_python, plain_lines
from metaflow_windmill.package.uv_lock import locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from metaflow_windmill.types import Json

_HEADER = re.compile(r"(?m)^# /// script$\s(?P<content>(^#(| .*)$\s)+)^# ///$")  # as PEP 723 has it
_MOST_NESTED = 10


@dataclass(frozen=True)
class StepRequirements:
    """The packages of a step.

    Parameters
    ----------
    lines : tuple of str
        As Windmill reads them: one word each, without markers, sorted.
    python : str
        The version of Python, such as ``3.11``.
    source : str
        Where they were written down.
    """

    lines: tuple[str, ...]
    python: str
    source: str = ""


def read_requirements(file: Path, python: str = "") -> StepRequirements:
    """Read a ``requirements.txt``, ``pyproject.toml``, ``uv.lock``, or a script with a PEP 723 header.

    Parameters
    ----------
    file : Path
    python : str
        The version that a step asks for; where it is empty the file decides, and then this interpreter.

    Raises
    ------
    PackageError
        If the file cannot be read, or asks for what Windmill cannot install.
    """
    if file.name == "uv.lock":
        data = _toml(_text(file), file)
        version = chosen_python(str(data.get("requires-python", "")), python, str(file))
        lines = locked(data, str(file), lambda marker: applies(marker, version))
        return StepRequirements(plain_lines(lines, version, str(file)), version, str(file))
    said = _said(file)
    version = chosen_python(said[1], python, str(file))
    return StepRequirements(plain_lines(said[0], version, str(file)), version, str(file))


def find_requirements(flow_file: Path) -> Path | None:
    """Return the file that says what a flow needs; None where there is none.

    The flow's own file counts where it has a PEP 723 header; else the nearest ``uv.lock``, or
    ``pyproject.toml`` with dependencies, from its folder up to the root of the repository.

    Raises
    ------
    PackageError
        If a file cannot be read.
    """
    if _script(flow_file):
        return flow_file
    for folder in _folders(flow_file.resolve().parent):
        if (folder / "uv.lock").is_file():
            return folder / "uv.lock"
        project = folder / "pyproject.toml"
        if project.is_file() and _project(project):
            return project
    return None


def _folders(folder: Path) -> list[Path]:
    """Return the folders up to the root of the repository, or the folder alone outside of one."""
    above = [folder, *folder.parents]
    roots = [number for number, place in enumerate(above) if (place / ".git").exists()]
    return above[: roots[0] + 1] if roots else [folder]


def _said(file: Path) -> tuple[list[str], str]:
    """Return the requirements in a file as they are written, and the specifier for Python."""
    if file.name.endswith((".py", ".toml")):
        found = _script(file) if file.name.endswith(".py") else _project(file)
        if found is None:
            place = "PEP 723 header (# /// script)" if file.name.endswith(".py") else "[project]"
            raise PackageError(f"{file} has no {place} with dependencies; name another file.")
        return found
    return list(_lines(file, _MOST_NESTED)), ""


def _script(file: Path) -> tuple[list[str], str] | None:
    match = _HEADER.search(_text(file))
    if match is None:
        return None
    lines = match["content"].splitlines()
    data = _toml("\n".join(line.removeprefix("#").removeprefix(" ") for line in lines), file)
    return list(map(str, data.get("dependencies", []))), str(data.get("requires-python", ""))


def _project(file: Path) -> tuple[list[str], str] | None:
    project = _toml(_text(file), file).get("project")
    if not isinstance(project, dict) or not isinstance(project.get("dependencies"), list):
        return None
    return list(map(str, project["dependencies"])), str(project.get("requires-python", ""))


def _lines(file: Path, deeper: int) -> Iterator[str]:
    """Go through a requirements file and those that it includes."""
    for line in _text(file).replace("\\\n", " ").splitlines():
        plain = re.sub(r"(^|\s)#.*", "", line).strip()
        included = re.fullmatch(r"(?:-r|--requirement)[ =]*(\S+)", plain)
        if included and deeper:
            yield from _lines(file.parent / included[1], deeper - 1)
        elif plain.startswith("-"):
            raise PackageError(
                f"{file} has the option {plain.split()[0]!r}, which Windmill does not take from a flow: it "
                "has one package index for all, in its own settings. Remove the line, and name packages only."
            )
        elif plain:
            yield re.split(r"\s--hash[= ]", plain)[0].strip()


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as why:
        raise PackageError(f"The requirements in {file} cannot be read: {why}.") from None


def _toml(text: str, file: Path) -> dict[str, Json]:
    reader = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        return cast("dict[str, Json]", reader.loads(text))
    except ValueError as why:
        raise PackageError(f"{file} holds no valid TOML: {why}.") from None
