"""The transport of a job: Windmill's own `wmill`, which knows the job's server, token and workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.client.transport import Request, Response
from metaflow_windmill.errors import Unauthorized, Unreachable

if TYPE_CHECKING:
    from wmill import Windmill

    from metaflow_windmill.types import Json

BLANKED = b"***"


class WmillTransport:
    """Sends requests by ``wmill.Windmill().client``, an `httpx.Client`.

    Parameters
    ----------
    sdk : wmill.Windmill, optional
        Made from the job's environment where it is not given.

    Raises
    ------
    Unauthorized
        If it is not given and this is not a Windmill job.
    """

    def __init__(self, sdk: Windmill | None = None) -> None:
        self._sdk = sdk if sdk is not None else _from_environment()

    def __repr__(self) -> str:
        return f"WmillTransport({self._sdk.base_url!r})"

    @property
    def workspace(self) -> str:
        """The workspace of the job."""
        return str(self._sdk.workspace)

    def send(self, request: Request) -> Response:
        """Send a request once; see `Transport`."""
        import httpx

        try:
            answer = self._sdk.client.request(
                request.method, request.path, params=dict(request.query), **_body(request)
            )
        except httpx.TransportError as why:
            raise Unreachable(
                f"{request} got no answer from Windmill at {self._sdk.base_url}: "
                f"{type(why).__name__}. Try again; if it stays so, the server is down",
                str(request),
                broke=isinstance(why, (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)),
            ) from None
        return Response(answer.status_code, self._content(answer.content, answer.is_success), answer.headers)

    def _content(self, content: bytes, good: bool) -> bytes:  # noqa: FBT001
        token = str(self._sdk.token or "").encode()
        return content if good or not token else content.replace(token, BLANKED)


def _body(request: Request) -> dict[str, Json]:
    return {} if request.body is None else {"json": request.body}


def _from_environment() -> Windmill:
    import os

    import wmill

    if not os.environ.get("WM_TOKEN"):
        raise Unauthorized("there is no WM_TOKEN: this works inside a Windmill job only")
    return wmill.Windmill()
