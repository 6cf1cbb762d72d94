"""Interpreters with the standard library and nothing else, which jobs run on."""

from __future__ import annotations

import hashlib
import operator
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CLAUSE = re.compile(r"\s*(==|!=|<=|>=|~=|<|>|)\s*(\d+(?:\.\d+)*)(?:\.\*)?\s*")
_COMPARE: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    "": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "~=": operator.ge,
}


def base_interpreter() -> str:
    """Return the interpreter below the server's own environment."""
    return str(getattr(sys, "_base_executable", "") or sys.executable)


def fits(wanted: str, version: tuple[int, ...]) -> bool:
    """Tell whether a version of Python is among those that a script allows.

    Parameters
    ----------
    wanted : str
        Specifiers with commas between them, such as ``>=3.10,<3.13``; a plain version means just that one.
    version : tuple of int

    >>> fits("==3.11.*", (3, 11, 7)), fits(">=3.12", (3, 11, 7)), fits("3.11", (3, 11, 7))
    (True, False, True)
    """
    clauses = [_CLAUSE.fullmatch(part) for part in wanted.split(",") if part.strip()]
    return all(clause is not None and _holds(clause[1], clause[2], version) for clause in clauses)


def _holds(sign: str, text: str, version: tuple[int, ...]) -> bool:
    asked = tuple(map(int, text.split(".")))
    shown = version[: len(asked)]
    if sign == "~=" and shown[:-1] != asked[:-1] and len(asked) > 2:  # noqa: PLR2004 - major.minor is open above
        return False
    return _COMPARE[sign](shown, asked)


def choice(wanted: str) -> str:
    """Return what uv is asked for: the server's own Python where that is allowed, else what is wanted."""
    return base_interpreter() if fits(wanted, sys.version_info[:3]) else wanted


def place_of(chosen: str, cache: Path) -> Path:
    """Return the folder of an empty environment for a choice."""
    name = re.sub(r"[^0-9A-Za-z.]+", "-", Path(chosen).name).strip("-")
    digest = hashlib.sha256(f"{chosen} {sys.version}".encode()).hexdigest()[:8]
    return cache / "interpreters" / f"{name}-{digest}"


def python_in(place: Path) -> Path:
    """Return the interpreter of an environment."""
    return place / "bin" / "python"
