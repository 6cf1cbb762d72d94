"""What a server's version says: whether flows can run there at all, and whether anybody has tried.

Where the numbers come from stands in docs/compatibility.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.errors import DeployError, WindmillError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.types import Json

LOCKS_KEPT = (1, 587)
"""Older servers make a step's lock themselves, of what its text imports."""

WHILE_LOOPS_STOP = (1, 695)
"""Older servers go on with a sequential while loop after a turn that failed."""

OLDEST_TRIED = NEWEST_TRIED = (1, 788)

_SAID = re.compile(r"(?:(CE|EE)\s+)?v?(\d+)\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True)
class ServerVersion:
    """What ``/api/version`` says: ``CE v1.788.0``, or ``CE v1.789.0-28-g944ad1083a`` between releases."""

    said: str
    numbers: tuple[int, ...]

    @property
    def name(self) -> str:
        """The version without the edition."""
        return ".".join(map(str, self.numbers))


def read_version(said: str) -> ServerVersion | None:
    """Return the version in what a server says of itself; None where it says none."""
    match = _SAID.match(said.strip())
    if match is None:
        return None
    return ServerVersion(said.strip(), tuple(int(part) for part in match.groups()[1:] if part))


def version_of(windmill: Windmill) -> ServerVersion | None:
    """Return the version of a server; None where it cannot be had.

    Newer servers refuse to tell it to the token of a job, since the route names no workspace.
    """
    try:
        return read_version(windmill.version())
    except WindmillError:
        return None


def check_server(host: str, version: ServerVersion | None) -> str:
    """Return a remark on a server whose version was never tried, nothing for one that was.

    Raises
    ------
    DeployError
        If no flow can run there.
    """
    if version is None:
        return ""
    if version.numbers < LOCKS_KEPT:
        raise DeployError(
            f"Windmill at {host} is version {version.name}, and {_dotted(LOCKS_KEPT)} or newer is needed: an "
            "older server replaces the packages of each step by those that it finds itself, so that no step "
            "can begin; upgrade the server"
        )
    about = f"Windmill at {host} is version {version.name}"
    if version.numbers[:2] < OLDEST_TRIED:
        return (
            f"{about}, and this was tried on {_dotted(OLDEST_TRIED)} and never on an older one; upgrade the "
            "server if something is wrong with a run"
        )
    if version.numbers[:2] > NEWEST_TRIED:
        return f"{about}, and the newest that this was tried on is {_dotted(NEWEST_TRIED)}"
    return ""


def check_document(host: str, version: ServerVersion | None, value: Json) -> None:
    """Refuse a flow that a server would run wrongly.

    Raises
    ------
    DeployError
    """
    if version is not None and version.numbers < WHILE_LOOPS_STOP and "whileloopflow" in _kinds(value):
        raise DeployError(
            f"the flow has a step that returns to itself, which needs Windmill {_dotted(WHILE_LOOPS_STOP)} "
            f"or newer: version {version.name} at {host} goes on after a turn that failed; upgrade the server"
        )


def _kinds(part: Json) -> Iterator[str]:
    """Yield the types of all parts of a flow's value."""
    if isinstance(part, dict):
        if isinstance(part.get("type"), str):
            yield part["type"]
        for name, inner in part.items():
            if name not in ("input_transforms", "flow_env"):
                yield from _kinds(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _kinds(inner)


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
