"""Under which address the other nodes of a gang reach this worker."""

from __future__ import annotations

import fcntl
import socket
import struct
from contextlib import suppress
from ipaddress import ip_address
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ADDRESS = "METAFLOW_WINDMILL_NODE_ADDRESS"
"""The variable by which a worker says it."""
LOOPBACK = "127.0.0.1"

_SHARED = ("BASE_INTERNAL_URL", "WM_BASE_URL", "METAFLOW_S3_ENDPOINT_URL")
"""Where all workers go. A worker of 1.788 gives its jobs a relay of its own as the first, on its loopback."""
_ANYWHERE = ("192.0.2.1", 9)
"""An address of nobody (RFC 5737): the way there is the way to whatever is not near."""
_PORTS = {"http": 80, "https": 443}
_SIOCGIFADDR = 0x8915  # linux/sockios.h


def own_address(environment: Mapping[str, str]) -> str:
    """Return the address that the worker was told, else the one that it has on its way to what all share.

    Where that is on the same machine, which is reached by the loopback that nobody else finds, it is the
    address on the way to anywhere, or that of any interface. Nothing is sent.
    """
    if environment.get(ADDRESS):
        return environment[ADDRESS]
    found = chain(map(_source, _targets(environment)), _of_interfaces())
    return next((address for address in found if address and not is_loopback(address)), LOOPBACK)


def is_loopback(address: str) -> bool:
    """Tell whether an address is one that only the same machine reaches."""
    with suppress(ValueError):
        return ip_address(address).is_loopback
    return address == "localhost"


def _targets(environment: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    for name in _SHARED:
        with suppress(ValueError):
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


def _of_interfaces() -> Iterator[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _, name in socket.if_nameindex():
            with suppress(OSError):  # it is down, or has no such address
                said = fcntl.ioctl(asked, _SIOCGIFADDR, struct.pack("256s", name[:15].encode()))
                yield socket.inet_ntoa(said[20:24])
