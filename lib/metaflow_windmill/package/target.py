"""The Python of the workers: which version, which markers hold there, and how Windmill wants requirements."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from metaflow_windmill.errors import PackageError
from metaflow_windmill.package.lock import normal
from metaflow_windmill.package.markers import applies

if TYPE_CHECKING:
    from collections.abc import Iterable

SUPPORTED = ("3.13", "3.12", "3.11", "3.10")
"""The versions that a task of this project runs on, the newest first."""

IN_PACKAGE = frozenset({"metaflow", "metaflow-windmill"})
"""What is in every code package anyway."""

_INSTALLABLE = ("https://", "http://", "git+https://", "git+http://", "git+ssh://")


def chosen_python(specifier: str, wanted: str, source: str) -> str:
    """Return the version of Python for a step.

    Parameters
    ----------
    specifier : str
        What the requirements allow, such as ``>=3.10``; empty for any.
    wanted : str
        What the step itself asks for, such as ``3.11``, ``3.11.9`` or ``3.11.*``; empty for this
        interpreter's version, if it is allowed.
    source : str
        Where the specifier stands.

    Raises
    ------
    PackageError
        If there is none, or not one that a task can run on.
    """
    from metaflow._vendor.packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        allowed = SpecifierSet(specifier)
    except InvalidSpecifier:
        raise PackageError(f"{source} asks for Python {specifier!r}, which is no specifier.") from None
    if wanted:
        wanted = wanted.removesuffix(".*")
        _check(wanted)
        return wanted
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    for version in (own, *SUPPORTED):
        if any(allowed.contains(f"{version}.{patch}") for patch in range(30)):
            return version
    raise PackageError(f"{source} asks for Python {specifier}, and tasks run on {', '.join(SUPPORTED)} only.")


def _check(wanted: str) -> None:
    minor = re.match(r"\d+\.\d+", wanted)
    if not re.fullmatch(r"\d+\.\d+(\.\d+)?", wanted) or minor is None or minor[0] not in SUPPORTED:
        raise PackageError(
            f"A step asks for Python {wanted}, and tasks run on {', '.join(SUPPORTED)} only, written like "
            "3.11 or 3.11.9."
        )


def plain_lines(lines: Iterable[str], python: str, source: str) -> tuple[str, ...]:
    """Return requirements as Windmill reads them: those that hold on a worker, a word each, sorted.

    Raises
    ------
    PackageError
        If one of them is not of PEP 508, or nothing that a worker can fetch.
    """
    words = (_word(line, python, source) for line in lines)
    return tuple(sorted({word for word in words if word}))


def _word(line: str, python: str, source: str) -> str:
    """Return a requirement as one word, or nothing where it is not needed on a worker."""
    from metaflow._vendor.packaging.requirements import InvalidRequirement, Requirement

    try:
        wanted = Requirement(line)
    except InvalidRequirement:
        raise PackageError(
            f"{source} asks for {line!r}, which is no package by name, version or address (PEP 508). "
            "Correct it, or leave it out."
        ) from None
    if normal(wanted.name) in IN_PACKAGE or (wanted.marker and not applies(str(wanted.marker), python)):
        return ""
    extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
    if wanted.url is None:
        return f"{normal(wanted.name)}{extras}{wanted.specifier}"
    if not wanted.url.startswith(_INSTALLABLE):
        raise PackageError(
            f"{source} asks for {wanted.name} from {wanted.url}, which a worker cannot fetch. Give an "
            "https address, or publish the package."
        )
    return f"{normal(wanted.name)}{extras}@{wanted.url}"
