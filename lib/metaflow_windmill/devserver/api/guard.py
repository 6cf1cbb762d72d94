"""What a web page may not do to this server, which runs code: reach it by another name, or change things.

A page that somebody looks at runs in a browser on the machine of this server. By a name of its own that it
has resolve to 127.0.0.1 (DNS rebinding) it would be of one origin with the server; so requests are answered
only under the addresses that the server has. A form on any page may be posted here, with the cookie of the
pages; so what changes something must not come from another origin. No answer has a header of CORS, so no
page can read one.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from metaflow_windmill.devserver.api.replies import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

READS = frozenset({"GET", "HEAD", "OPTIONS"})
LOCAL = "localhost"
EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared with, not listened on


@dataclass(frozen=True)
class Guard:
    """The application behind checks of where a request goes and where it comes from.

    Parameters
    ----------
    app : ASGI application
    host : str
        What the server listens on. Where it is every address, a request may name any address in digits,
        which nobody can have resolve to another one.
    """

    app: ASGIApp
    host: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        said = self.refusal(scope["method"], Headers(scope=scope)) if scope["type"] == "http" else ""
        await (as_text(said, 403)(scope, receive, send) if said else self.app(scope, receive, send))

    def refusal(self, method: str, headers: Mapping[str, str]) -> str:
        """Return why a request is refused; nothing if it is not."""
        named = headers.get("host", "")
        if not self.is_ours(named):
            return (
                f"This server is not known as {named[:100]!r}. Ask it by the address that it prints when it "
                "starts, or start it with --host and that name."
            )
        origin = headers.get("origin")
        if method not in READS and origin is not None and _place(origin) != _place(f"//{named}"):
            return "A page from elsewhere may not change anything here. Use the pages of this server."
        return ""

    def is_ours(self, named: str) -> bool:
        """Tell whether a ``Host`` header names this server."""
        try:
            name = (urlsplit(f"//{named}").hostname or "").rstrip(".")
        except ValueError:
            return False
        if name in (LOCAL, self.host.lower()) or name.endswith(f".{LOCAL}"):
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or self.host in EVERYWHERE


def _place(origin: str) -> tuple[str, int] | None:
    """Return the name and port of an origin, which a browser leaves out where it is the usual one."""
    try:
        parts = urlsplit(origin)
        port = parts.port or 80
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname else None
