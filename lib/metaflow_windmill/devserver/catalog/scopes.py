"""What a token with scopes may do: ``jobs:run:flows:f/x/y``, ``flows:write:f/x/*``, ``scripts:read``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RUNS = ("jobs/run/", "jobs/run_wait_result/", "jobs/flow/resume/")
RUN_FLOWS = ("jobs/run/f", "jobs/run_wait_result/f", "jobs/flow/resume/")
ASKED = "jobs_u/flow/approval_info/"
"""What a flow asks people: a token that has nothing to do with jobs counts there as none."""
NO_VALUES = ("resources/list", "resources/list_names/", "resources/exists/", "resources/type/")
"""What ``resources:run`` opens: all that shows no value."""


class Need(NamedTuple):
    """What a request needs: a domain (``flows``), an action (``read``, ``write``, ``run``), of what."""

    domain: str
    action: str
    kind: str | None = None
    path: str | None = None

    def __str__(self) -> str:
        return ":".join(part for part in self if part)


def opens(scopes: Sequence[str] | None, method: str, route: str) -> bool:
    """Tell whether scopes open a route at all, before anybody looks at paths.

    Seen on a real server, route by route: `tests/engine/api/token_scopes.json`.

    Parameters
    ----------
    scopes : sequence of str or None
        None or none for all that the user may.
    method : str
    route : str
        Below the workspace, or below ``/api`` outside of any, such as ``flows/get/{path:path}``.
    """
    if scopes and route.startswith(ASKED):
        return any(scope.startswith("jobs:") for scope in scopes)
    if not scopes or route.startswith("jobs_u/"):  # The ids of jobs are what opens these.
        return True
    domain, action = route.partition("/")[0], "read" if method in ("GET", "HEAD") else "write"
    if route.startswith(RUNS):
        kind = "flows" if route.startswith(RUN_FLOWS) else "scripts"
        return any(_runs(scope, None if "/preview" in route else kind) for scope in scopes)
    return any(_opens(scope, domain, action, route) for scope in scopes)


def _runs(scope: str, kind: str | None) -> bool:
    domain, action, given = f"{scope}::".split(":")[:3]
    return (domain, action) == ("jobs", "run") and given in ("", kind)


def _opens(scope: str, domain: str, action: str, route: str) -> bool:
    given, does = f"{scope}:".split(":")[:2]
    if given != domain:
        return False
    if (given, does) == ("resources", "run"):
        return action == "read" and route.startswith(NO_VALUES)
    return does == action or (action == "read" and does in ("write", "run"))


def allows(scopes: Sequence[str] | None, need: Need) -> bool:
    """Tell whether scopes cover a need; a token without scopes may do all that its user may.

    ``write`` includes ``read``. A path may end with ``/*``; several stand between commas. A scope without a
    path covers every path.
    """
    return not scopes or any(_covers(scope, need) for scope in scopes)


def exceeding(scopes: Sequence[str], asked: Iterable[str]) -> list[str]:
    """Return those of the asked scopes that reach further than the others.

    Of several paths in one scope each has to be covered; a real 1.788 is content with one.

    Raises
    ------
    ValueError
        If an asked scope is not of the form ``domain:action`` or ``domain:action:path``; it tells which.
    """
    return [scope for scope in asked if not all(allows(scopes, need) for need in _needs(scope))]


def _needs(asked: str) -> list[Need]:
    domain, action, *rest = asked.split(":") if ":" in asked else ("", "")
    kind = rest.pop(0) if (domain, action) == ("jobs", "run") and rest else None
    if not domain or len(rest) > 1:
        raise ValueError(asked)
    return [Need(domain, action, kind, path) for path in (rest[0].split(",") if rest else [None])]


def _covers(scope: str, need: Need) -> bool:
    domain, _, rest = scope.partition(":")
    action, _, rest = rest.partition(":")
    if domain != need.domain or not _includes(action, need.action):
        return False
    kind, _, paths = rest.partition(":")
    if (domain, action) == ("jobs", "run"):
        return kind in ("", need.kind) and _within(paths, need.path)
    return _within(rest, need.path)


def _includes(given: str, wanted: str) -> bool:
    return given == wanted or (given == "write" and wanted == "read")


def _within(paths: str, path: str | None) -> bool:
    if paths in ("", "*"):
        return True
    return path is not None and any(_matches(pattern, path) for pattern in paths.split(","))


def _matches(pattern: str, path: str) -> bool:
    folder = pattern.removesuffix("/*")
    return path == pattern or (folder != pattern and (path == folder or path.startswith(f"{folder}/")))
