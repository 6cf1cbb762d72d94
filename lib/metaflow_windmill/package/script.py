"""The text of ``windmill_scripts/run_step.py``, which is the body of each step of a compiled flow."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SCRIPT = Path(__file__).with_name("run_step.txt")
"""The script itself, as data of this package: a link in a checkout, a copy where this is installed."""

_HEADER = "# requirements:"
_WRITTEN = re.compile(rf"# py: ==(?P<python>[\d.*]+)\n{_HEADER}\n(?P<lines>(#\S+\n)*)\n")


def step_script() -> str:
    """Return the script."""
    return SCRIPT.read_text(encoding="utf-8")


def take_token() -> str:
    """Return the job's token, and leave no trace of it: as the script does with that of its own job."""
    take: Callable[[], str] = runpy.run_path(str(SCRIPT))["take_token"]
    return take()


def with_requirements(script: str, lines: Sequence[str], python: str) -> str:
    """Return the script with requirements at its top, which Windmill resolves and installs.

    Parameters
    ----------
    script : str
    lines : sequence of str
        A requirement each, without blanks.
    python : str
        ``3.11`` for any of these versions, ``3.11.9`` for this one.
    """
    version = python if python.count(".") > 1 else f"{python}.*"
    return "".join([f"# py: =={version}\n{_HEADER}\n", *(f"#{line}\n" for line in lines), "\n", script])


class Parts(NamedTuple):
    """A script, and the requirements at its top: none where the version of Python is empty."""

    script: str
    lines: tuple[str, ...] = ()
    python: str = ""


def split_requirements(content: str) -> Parts:
    """Return what `with_requirements` put together, or else the script alone."""
    match = _WRITTEN.match(content)
    if match is None:
        return Parts(content)
    lines = tuple(line[1:] for line in match["lines"].splitlines())
    return Parts(content[match.end() :], lines, match["python"].removesuffix(".*"))
