"""What a token with scopes may do: ``jobs:run:flows:f/x/y``, ``flows:write:f/x/*``, ``scripts:read``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

RUNNABLES = ("flows", "scripts")


class Need(NamedTuple):
    """What a request needs: a domain (``flows``), an action (``read``, ``write``, ``run``), of what."""

    domain: str
    action: str
    kind: str | None = None
    path: str | None = None

    def __str__(self) -> str:
        return ":".join(part for part in self if part)


def allows(scopes: Iterable[str] | None, need: Need) -> bool:
    """Tell whether scopes cover a need; a token without scopes may do all that its user may.

    ``write`` includes ``read``. A path may end with ``*``; several stand between commas. A scope without a
    path covers every path, and ``*`` covers all.
    """
    return scopes is None or any(_covers(scope, need) for scope in scopes)


def _covers(scope: str, need: Need) -> bool:
    if scope == "*":
        return True
    domain, _, rest = scope.partition(":")
    action, _, rest = rest.partition(":")
    if domain != need.domain or not _includes(action, need.action):
        return False
    kind, _, paths = rest.partition(":")
    if kind in RUNNABLES and need.action == "run":
        return kind == need.kind and _within(paths, need.path)
    return _within(rest, need.path)


def _includes(given: str, wanted: str) -> bool:
    return given in (wanted, "*") or (given == "write" and wanted == "read")


def _within(paths: str, path: str | None) -> bool:
    if paths in ("", "*"):
        return True
    return path is not None and any(_matches(pattern.strip(), path) for pattern in paths.split(","))


def _matches(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern
