"""The whole of what the client asks of a network: one request goes out, one answer comes back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from metaflow_windmill.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from metaflow_windmill.types import Json

SAFE_METHODS = frozenset({"GET", "HEAD", "DELETE"})


@dataclass(frozen=True)
class Request:
    """One request to Windmill's REST API.

    Parameters
    ----------
    method : str
        An HTTP method in capitals.
    path : str
        The path below ``/api``, with its leading slash and already quoted.
    query : mapping of str to str
        Its names and values, not quoted. It is left out of `str`.
    body : JSON value, optional
        Sent as JSON; None sends no body.
    repeatable : bool
        Whether sending it twice does no more than sending it once. Requests that only read or
        delete always are.
    done : callable, optional
        Tells whether an attempt whose answer got lost did its work: asked before a request that must
        not be done twice is sent again.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Json = None
    repeatable: bool = False
    done: Callable[[], bool] | None = field(default=None, compare=False, repr=False)

    @property
    def safe(self) -> bool:
        """Whether the request may be sent again when its answer got lost."""
        return self.repeatable or self.done is not None or self.method in SAFE_METHODS

    def __str__(self) -> str:
        return f"{self.method} /api{self.path}"


@dataclass(frozen=True)
class Response:
    """One answer.

    Parameters
    ----------
    status : int
        The HTTP status.
    content : bytes
    headers : mapping of str to str
        Their names in small letters.
    attempts : int
        How often the request was sent for this answer. Above one, an answer that speaks of
        something there already may speak of what an earlier attempt made.
    """

    status: int
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    attempts: int = 1

    @property
    def text(self) -> str:
        """The content as text; what is not UTF-8 is replaced."""
        return self.content.decode("utf-8", "replace")

    def json(self, request: Request) -> Json:
        """Return the content as a JSON value.

        Raises
        ------
        Refused
            If it is none: whatever answered is not Windmill's API.
        """
        try:
            return json.loads(self.content)
        except ValueError:
            raise Refused(
                f"{request} was answered with something that is not JSON; "
                "check that the host is the address of a Windmill server",
                str(request),
                self.status,
            ) from None


class Transport(Protocol):
    """Whatever carries a request to Windmill."""

    def send(self, request: Request) -> Response:
        """Send a request once and return the answer, whatever its status.

        Raises
        ------
        Unreachable
            If there was no answer.
        """
        ...


def end_connections(transport: Transport) -> None:
    """End the connections that a transport keeps open, if it has any."""
    close = getattr(transport, "close", None)
    if close is not None:
        close()
