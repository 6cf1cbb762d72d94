"""What follows from a server's version: whether flows can run there at all, and whether anybody has tried.

Where the numbers come from stands in docs/compatibility.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.errors import DeployError
from metaflow_windmill.openflow import objects_in

if TYPE_CHECKING:
    from metaflow_windmill.client.server_version import ServerVersion
    from metaflow_windmill.types import Json

LOCKS_KEPT = (1, 587)
"""Older servers make a step's lock themselves, of what its text imports."""

WHILE_LOOPS_STOP = (1, 695)
"""Older servers go on with a sequential while loop after a turn that failed."""

OLDEST_TRIED = NEWEST_TRIED = (1, 788)


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
    if version is None or version.numbers >= WHILE_LOOPS_STOP:
        return
    if any(part.get("type") == "whileloopflow" for part in objects_in(value)):
        raise DeployError(
            f"the flow has a step that returns to itself, which needs Windmill {_dotted(WHILE_LOOPS_STOP)} "
            f"or newer: version {version.name} at {host} goes on after a turn that failed; upgrade the server"
        )


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
