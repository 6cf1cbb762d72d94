"""The transport that most people use: HTTP by `requests`, with a token."""

from __future__ import annotations

import json
import weakref
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import requests

from metaflow_windmill.client.transport import Request, Response
from metaflow_windmill.errors import Refused, Unauthorized, Unreachable

if TYPE_CHECKING:
    from requests import PreparedRequest

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
BLANKED = "***"
BROKE = "the connection broke"
LOCAL = ("localhost", "127.0.0.1", "::1")


class _Bearer(requests.auth.AuthBase):
    """The token as a header; as an `auth` object it wins over a .netrc file, unlike a plain header."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, prepared: PreparedRequest) -> PreparedRequest:
        prepared.headers["Authorization"] = f"Bearer {self._token}"
        return prepared


class HttpTransport:
    """Sends requests to a host over HTTP.

    Parameters
    ----------
    host : str
        The address of the server, such as ``https://windmill.example.com``.
    token : str
        A Windmill token. It appears in no text that this class makes.
    connect_seconds, read_seconds : float
        How long to wait for the connection, and for each piece of the answer.

    Raises
    ------
    Unreachable
        If the host is not an address.
    Unauthorized
        If the token is empty or cannot be one.
    """

    def __init__(
        self,
        host: str,
        token: str,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self.host = base_address(host)
        self._token = checked_token(token)
        self._timeout = (connect_seconds, read_seconds)
        self._session = requests.Session()
        self._session.auth = _Bearer(self._token)
        self._end = weakref.finalize(self, self._session.close)

    def __repr__(self) -> str:
        return f"HttpTransport({self.host!r})"

    def close(self) -> None:
        """End the connections that are kept open for the next request, as the end of this object does too."""
        self._end()

    def send(self, request: Request) -> Response:
        """Send a request once; see `Transport`."""
        try:
            answer = self._session.request(
                request.method,
                f"{self.host}/api{request.path}",
                params=dict(request.query),
                data=None if request.body is None else json.dumps(request.body).encode(),
                headers={} if request.body is None else {"Content-Type": "application/json"},
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as why:
            raise self._unreachable(request, why) from None
        if answer.is_redirect:
            raise self._moved(request, answer)
        return Response(answer.status_code, self._content(answer), _lowered(answer.headers))

    def _content(self, answer: requests.Response) -> bytes:
        """Return the content, without the token if an error message of a server repeats it."""
        if answer.ok:
            return answer.content
        return answer.content.replace(self._token.encode(), BLANKED.encode())

    def _unreachable(self, request: Request, why: requests.RequestException) -> Unreachable:
        return Unreachable(
            f"Windmill at {self.host} does not answer: {_reason(why)} (at {request}). {_advice(self.host)}",
            str(request),
            broke=_reason(why) == BROKE,
        )

    def _moved(self, request: Request, answer: requests.Response) -> Refused:
        # Following it would turn a POST into a GET and may carry the token to another host.
        there = urlsplit(answer.headers.get("Location", ""))
        return Refused(
            f"{request} was redirected by {self.host} to {there.scheme}://{there.hostname}; "
            "set WINDMILL_HOST to the address that it redirects to",
            str(request),
            answer.status_code,
        )


def is_local(host: str) -> bool:
    """Tell whether an address is one of this machine."""
    return urlsplit(host).hostname in LOCAL


def base_address(host: str) -> str:
    """Return the address without a trailing slash, ``/api`` or credentials.

    Raises
    ------
    Unreachable
        If it is not an http or https address.
    """
    parts = urlsplit(host.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Unreachable(
            f"the Windmill host {host.rpartition('@')[2]!r} is not an address; "
            "write it like http://localhost:8000"
        )
    path = parts.path.rstrip("/").removesuffix("/api").rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, "", ""))


def checked_token(token: str) -> str:
    """Return the token without blanks around it.

    Raises
    ------
    Unauthorized
        If nothing is left, or it holds what no header may hold.
    """
    token = token.strip()
    if not token:
        raise Unauthorized("there is no Windmill token: set WINDMILL_TOKEN")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise Unauthorized(
            "the Windmill token has blanks or characters that no token has; "
            "copy it again from Windmill's account settings"
        )
    return token


def _reason(why: requests.RequestException) -> str:
    if isinstance(why, requests.ConnectTimeout):
        return "the connection timed out"
    if isinstance(why, requests.Timeout):
        return "the answer did not come in time"
    if isinstance(why, requests.exceptions.SSLError):
        return "the TLS certificate was not accepted"
    if isinstance(why, requests.exceptions.ProxyError):
        return "the proxy could not be reached"
    words = str(why)
    if "refused" in words:
        return "the connection was refused"
    if "resolve" in words or "Name or service" in words:
        return "the host name is not known"
    return BROKE


def _advice(host: str) -> str:
    if is_local(host):
        return (
            "Start a Windmill on this machine with `metaflow-windmill dev`, or set WINDMILL_HOST to the "
            "address of another one"
        )
    return "Check that WINDMILL_HOST is right and that the server runs"


def _lowered(headers: requests.structures.CaseInsensitiveDict[str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
