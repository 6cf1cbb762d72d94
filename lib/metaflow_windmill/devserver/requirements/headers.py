"""What a script declares in its comments: requirements, a PEP 723 block, versions of Python."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib import import_module
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

_HEADER = re.compile(r"^#\s*(?P<extra>extra[_-])?requirements:(?P<names>.*)$", re.MULTILINE)
_ONE = re.compile(r"^#\s?(\S+)\s*$")
_PYTHON = re.compile(r"^#\s?py:(.*)$")
_SHORT_PYTHON = re.compile(r"^#\s?py3(\d\d)\s*$", re.MULTILINE)
_BLOCK = re.compile(r"^# /// script\s*$\n(?P<toml>(?:^#(?!\s///).*$\n)*)", re.MULTILINE)


@dataclass(frozen=True)
class Declared:
    """What the comments of a script say.

    Parameters
    ----------
    lines : tuple of str
        Requirements.
    complete : bool
        Whether these are all; else what the script imports comes on top.
    python : str
        Version specifiers, with commas between them; empty where nothing is said.
    """

    lines: tuple[str, ...] = ()
    complete: bool = False
    python: str = ""


def declared(content: str) -> Declared:
    """Read the comments of a script as Windmill reads them.

    A block of requirements has one word a line and ends with the first line that is something else.

    Raises
    ------
    ServerError
        If it refers to requirements of the workspace, or its PEP 723 block is not TOML.
    """
    python = _specifiers(content)
    header = _HEADER.search(content)
    if header is not None:
        if header["names"].strip():
            raise ServerError(
                f"{header[0].strip()!r} names requirements that are kept in the workspace, which the "
                "embedded server does not have. Write them below it, one a line."
            )
        return Declared(_words_below(content[header.end() :]), not header["extra"], python)
    block = _BLOCK.search(content)
    return _of_block(block["toml"], python) if block else Declared(python=python)


def _words_below(text: str) -> tuple[str, ...]:
    matches = (_ONE.match(line) for line in text.splitlines()[1:])
    return tuple(match[1] for match in takewhile(bool, matches) if match)


def _specifiers(content: str) -> str:
    comments = takewhile(lambda line: line.startswith("#"), content.splitlines())
    said = [match[1].strip() for line in comments if (match := _PYTHON.match(line))]
    return ",".join([*said, *(f"==3.{minor}.*" for minor in _SHORT_PYTHON.findall(content))])


def _of_block(text: str, python: str) -> Declared:
    lines = (line[2:] if line.startswith("# ") else line[1:] for line in text.splitlines())
    reader: Any = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        said: Json = reader.loads("\n".join(lines))
    except ValueError as why:
        raise ServerError(f"The block '# /// script' is not TOML: {why}. Correct it.") from None
    more = said.get("requires-python")
    wanted = ",".join(part for part in (python, more) if part)
    return Declared(tuple(said.get("dependencies", ())), complete=True, python=wanted)
