"""The body of each step of a compiled flow: the modules of `package.body`, joined to one text."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from metaflow_windmill.package.joined import joined

if TYPE_CHECKING:
    from collections.abc import Sequence

BODY = Path(__file__).with_name("body")
PARTS = (
    "failures",
    "windmill_api",
    "children",
    "token",
    "questions",
    "history",
    "secrets",
    "fetch",
    "unpack",
    "cache",
    "main",
)
"""Each after those that it uses."""

_HEADER = "# requirements:"
_WRITTEN = re.compile(rf"# py: ==(?P<python>[\d.*]+)\n{_HEADER}\n(?P<lines>(#\S+\n)*)\n")


@lru_cache(maxsize=1)
def step_script() -> str:
    """Return the script."""
    texts = ((BODY / f"{name}.py").read_text(encoding="utf-8") for name in PARTS)
    return joined(texts, "metaflow_windmill.package.body")


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
