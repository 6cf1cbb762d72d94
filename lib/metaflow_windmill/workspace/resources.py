"""The resources of a workspace: the configurations of repositories, and what the scripts remember."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from metaflow_windmill.client.answers import checked
from metaflow_windmill.client.transport import Request
from metaflow_windmill.errors import DeployError, NotFound

if TYPE_CHECKING:
    from metaflow_windmill.client.transport import Response, Transport
    from metaflow_windmill.types import Json

STATE = "state"


class Resources:
    """Reads and writes resources.

    Parameters
    ----------
    transport : Transport
    workspace : str
    """

    def __init__(self, transport: Transport, workspace: str) -> None:
        self._transport = transport
        self._workspace = workspace

    def value(self, path: str) -> Json:
        """Return the value of a resource, its variables filled in.

        Raises
        ------
        DeployError
            If there is none.
        """
        try:
            return self._get(f"resources/get_value_interpolated/{quote(path)}")
        except NotFound:
            raise DeployError(
                f"There is no resource {path}, or this job's user may not read it. Check its path."
            ) from None

    def state(self, path: str) -> Json:
        """Return what is remembered at a path; an empty object where nothing is."""
        try:
            value = self._get(f"resources/get_value/{quote(path)}")
        except NotFound:
            return {}
        return value if isinstance(value, dict) else {}

    def remember(self, path: str, value: Json) -> None:
        """Write what is to be remembered at a path."""
        body = {
            "path": path,
            "value": value,
            "resource_type": STATE,
            "description": "What redeploying remembers.",
        }
        query = {"update_if_exists": "true"}
        self._send(Request("POST", self._path("resources/create"), query, body, repeatable=True))

    def _get(self, tail: str) -> Json:
        request = Request("GET", self._path(tail))
        return self._send(request).json(request)

    def _path(self, tail: str) -> str:
        return f"/w/{quote(self._workspace)}/{tail}"

    def _send(self, request: Request) -> Response:
        return checked(request, self._transport.send(request))
