"""The demand of a script: its lock, or else what it declares, or else what it and its scripts import."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.model import Demand
from metaflow_windmill.devserver.requirements.headers import declared
from metaflow_windmill.devserver.requirements.script_imports import imported

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow_windmill.devserver.model import ScriptCode


def demand_of(code: ScriptCode, find: Callable[[str], str | None]) -> Demand:
    """Return what a worker installs for a script.

    Parameters
    ----------
    code : ScriptCode
    find : callable
        Returns the text of the script at a path of the workspace.

    Raises
    ------
    ServerError
        If the script cannot be read.
    """
    if code.lock is not None:
        return of_lock(code.lock)
    lines: dict[str, None] = {}
    pythons: list[str] = []
    seen: set[str] = set()
    open_ones = [(code.path, code.content)]
    while open_ones:
        path, content = open_ones.pop()
        said = declared(content)
        lines.update(dict.fromkeys(said.lines))
        pythons += [said.python] if said.python else []
        if not said.complete:
            found = imported(content, path)
            lines.update(dict.fromkeys(found.packages))
            new = [other for other in found.scripts if other not in seen]
            seen |= set(new)
            open_ones += [(other, text) for other in new if (text := find(other)) is not None]
    return Demand(tuple(sorted(lines)), ",".join(pythons))


def of_lock(lock: str) -> Demand:
    """Return what a lock says: the version of Python in a comment, then a package a line."""
    lines = [line.strip() for line in lock.splitlines()]
    python = next((line.split("py:", 1)[1].strip() for line in lines if line.startswith("# py:")), "")
    pins = tuple(line for line in lines if line and not line.startswith(("#", "-")))
    return Demand(pins, python, locked=True)
