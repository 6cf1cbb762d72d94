"""How a call of a workspace's API is made: sent, checked, and a second attempt told from a conflict."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from metaflow_windmill.client.answers import checked, made
from metaflow_windmill.client.transport import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from metaflow_windmill.client.transport import Response, Transport
    from metaflow_windmill.types import Json


class Calls:
    """The calls of one workspace of a server.

    Parameters
    ----------
    transport : Transport
    workspace : str
    """

    def __init__(self, transport: Transport, workspace: str) -> None:
        self._transport = transport
        self.workspace = workspace

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._transport!r}, {self.workspace!r})"

    def _path(self, tail: str) -> str:
        return f"/w/{quote(self.workspace)}/{tail}"

    def _get(self, tail: str, query: Mapping[str, str] | None = None) -> Json:
        request = Request("GET", self._path(tail), query or {})
        return self._answer(request).json(request)

    def _post(
        self, tail: str, body: Json, *, creates: bool = False, done: Callable[[], bool] | None = None
    ) -> Response:
        request = Request("POST", self._path(tail), body=body, repeatable=True, done=done)
        return self._answer(request, creates=creates)

    def _answer(self, request: Request, *, creates: bool = False) -> Response:
        """Send and check. With `creates`, a second attempt that finds its work done is a success."""
        response = self._transport.send(request)
        return made(request, response) if creates else checked(request, response)
