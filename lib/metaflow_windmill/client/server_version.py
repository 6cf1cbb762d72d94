"""What a server says of its version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.errors import WindmillError

if TYPE_CHECKING:
    from metaflow_windmill.client.windmill import Windmill

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
