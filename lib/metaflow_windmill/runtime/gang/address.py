"""Under which address the other nodes of a gang reach this worker."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ADDRESS = "METAFLOW_WINDMILL_NODE_ADDRESS"
"""The variable by which a worker says it."""

_SERVERS = ("BASE_INTERNAL_URL", "WM_BASE_URL")
_ANYWHERE = ("192.0.2.1", 9)
"""An address of nobody (RFC 5737): the way there is the way to whatever is not near."""
_PORTS = {"http": 80, "https": 443}


def own_address(environment: Mapping[str, str]) -> str:
    """Return the address that the worker was told, else the one that it has on its way to Windmill.

    A worker on the server's own machine goes there by its loopback, where nobody else finds it; it tells the
    address that it has on its way to anywhere. Nothing is sent.
    """
    if environment.get(ADDRESS):
        return environment[ADDRESS]
    found = [source for source in map(_source, _targets(environment)) if source]
    reachable = (source for source in found if not ip_address(source).is_loopback)
    return next(reachable, "127.0.0.1")


def _targets(environment: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    for name in _SERVERS:
        parts = urlsplit(environment.get(name, ""))
        if parts.hostname:
            yield parts.hostname, parts.port or _PORTS.get(parts.scheme, 80)
    yield _ANYWHERE


def _source(target: tuple[str, int]) -> str:
    """Return the address from which this machine would send to a target; nothing if there is no way."""
    try:
        kind, _, _, _, address = socket.getaddrinfo(*target, type=socket.SOCK_DGRAM)[0]
        with socket.socket(kind, socket.SOCK_DGRAM) as asked:
            asked.connect(address)
            return str(asked.getsockname()[0]).partition("%")[0]
    except OSError:
        return ""
