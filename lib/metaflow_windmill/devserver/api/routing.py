"""Routes as data, and the one way from a request to its handler and back."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from metaflow_windmill.devserver.api.auth import NOBODY, bearer_of, identity, said_token
from metaflow_windmill.devserver.api.call import Call
from metaflow_windmill.devserver.api.confined_tokens import confine, is_own
from metaflow_windmill.devserver.api.replies import as_text
from metaflow_windmill.devserver.catalog import workspaces
from metaflow_windmill.devserver.catalog.scopes import Need
from metaflow_windmill.devserver.model import JobExists
from metaflow_windmill.devserver.refusals import bad_request
from metaflow_windmill.devserver.release import TRIED
from metaflow_windmill.errors import RequestRefused, ServerError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

    from metaflow_windmill.devserver.api.services import Services
    from metaflow_windmill.devserver.release import Release

Handler: TypeAlias = Callable[[Call], Response | Awaitable[Response]]

W = "/api/w/{workspace}"
"""Where the routes of a workspace begin."""

LARGEST_BODY = 200 * 1024 * 1024
"""Bytes, as on a real server."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Endpoint:
    """A route.

    Parameters
    ----------
    methods : str
        Between spaces.
    path : str
        As Starlette writes them.
    handler : callable
        Takes a `Call`; a coroutine function where it waits, else it runs in a thread.
    need : str or None
        What the token's scopes must cover of the path in the route, such as ``flows:read``. None where the
        handler checks it itself or a real server does not; that the scopes open the route at all is asked
        in any case.
    public : bool
        Whether it answers without a token.
    since : Release
        The release of Windmill that has it first; a server that behaves as an older one has it not.
    """

    methods: str
    path: str
    handler: Handler
    need: str | None = None
    public: bool = False
    since: Release = TRIED


def routes(endpoints: Iterable[Endpoint], services: Services) -> list[Route]:
    """Return Starlette's routes; those with the same path are joined, so that another method gets a 405."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        if endpoint.since > services.release:
            continue
        for method in endpoint.methods.split():
            by_path.setdefault(endpoint.path, {})[method] = endpoint
    return [
        Route(path, _serve(services, methods), methods=list(methods)) for path, methods in by_path.items()
    ]


def _serve(services: Services, methods: dict[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        endpoint = methods.get(request.method) or methods["GET"]
        try:
            call = _checked(services, endpoint, request)
            if request.method == "HEAD":  # it must change nothing, and some of the GET routes start jobs
                return Response()
            return await _handled(endpoint.handler, await _with_body(call, request))
        except RequestRefused as refused:
            return as_text(str(refused), refused.status)
        except JobExists as exists:
            return as_text(f"Bad request: Job with id {exists.job_id} already exists", 400)
        except ServerError as fault:
            return as_text(f"Internal: {fault}", 500)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception:
            log.exception("%s %s failed", request.method, request.url.path)
            return as_text("Internal: the embedded server failed at this request; see its log", 500)

    return serve


def _checked(services: Services, endpoint: Endpoint, request: Request) -> Call:
    workspace = request.path_params.get("workspace", "")
    bearer = NOBODY if endpoint.public else bearer_of(services, said_token(request))
    who = identity(services, bearer, workspace)
    call = Call(
        services=services,
        bearer=bearer,
        who=who,
        path=request.path_params,
        query=request.query_params,
        headers=request.headers,
        method=request.method,
        gone=request.is_disconnected,
    )
    route = endpoint.path.removeprefix(f"{W}/").removeprefix("/api/")
    if not endpoint.public:
        confine(call, route)
    if bearer.job is not None and is_own(call, route):
        return call
    if not endpoint.public:
        call.require_route(request.method, route)
    if endpoint.need:
        domain, _, action = endpoint.need.partition(":")
        call.require(Need(domain, action, path=_path_in(request, domain)))
    if workspace and request.method != "GET" and not workspaces.exists(services.database.read(), workspace):
        raise bad_request(f"workspace {workspace} does not exist; create it first")
    return call


def _path_in(request: Request, domain: str) -> str | None:
    """Return the path that scopes are compared with; outside of a workspace there is none."""
    if domain == "folders":
        return f"f/{request.path_params['name']}"
    return request.path_params.get("path") or request.path_params.get("file")


async def _with_body(call: Call, request: Request) -> Call:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            raise RequestRefused(f"the body is larger than {LARGEST_BODY} bytes", 413)
        parts.append(part)
    return replace(call, body=b"".join(parts)) if size else call


async def _handled(handler: Handler, call: Call) -> Response:
    if inspect.iscoroutinefunction(handler):
        answer: Response = await handler(call)
        return answer
    return await run_in_threadpool(handler, call)  # type: ignore[arg-type]  # a plain function, as just checked
