"""Who looks at a page, what they may see, and the answer that carries it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from metaflow_windmill.devserver.api.auth import bearer_of, cookie_name, identity, said_token
from metaflow_windmill.devserver.catalog.scopes import Need, allows
from metaflow_windmill.devserver.pages import layout
from metaflow_windmill.devserver.pages.layout import PageFrame
from metaflow_windmill.devserver.pages.markup import Markup, tag
from metaflow_windmill.devserver.refusals import denied, there
from metaflow_windmill.devserver.store import job_rows
from metaflow_windmill.errors import RequestRefused, ServerError

if TYPE_CHECKING:
    from starlette.requests import Request

    from metaflow_windmill.devserver.api.services import Services
    from metaflow_windmill.devserver.model import Actor
    from metaflow_windmill.devserver.store.job_rows import JobRow

LARGEST_FORM = 20 * 1024 * 1024
"""Bytes of what a form sends."""

SAFE = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-DNS-Prefetch-Control": "off",
    "Cache-Control": "no-store",
}
"""Headers of every page: nothing from elsewhere, and no token in a referrer.

Without any referrer a browser would send the forms of these pages with ``Origin: null``, as from elsewhere.
"""


@dataclass(frozen=True)
class Viewer:
    """Who looks at which page.

    Parameters
    ----------
    services : Services
    request : Request
    workspace : str
    body : bytes
        Of a form that was sent.
    """

    services: Services
    request: Request
    workspace: str
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path of the item that the address names."""
        return str(self.request.path_params["path"])

    def check(self, need: Need, workspace: str | None = None) -> None:
        """Check that the token opens the workspace and covers what the page does.

        Raises
        ------
        RequestRefused
            401 or 403 if not.
        """
        bearer = bearer_of(self.services, said_token(self.request))
        identity(self.services, bearer, workspace or self.workspace)
        if not allows(bearer.scopes, need):
            raise denied(f"the scopes of this token do not cover {need}")

    def job(self, job_id: str, action: str = "read") -> JobRow:
        """Return a job; see `check` for who may do what with it.

        Raises
        ------
        RequestRefused
            404 if there is none.
        """
        job = there(job_rows.load(self.services.database.read(), job_id), "there is no such run")
        self.check(Need("jobs", action), job.workspace)
        return job

    def who(self, workspace: str | None = None) -> Actor:
        """Return whom the page acts for."""
        bearer = bearer_of(self.services, said_token(self.request))
        return identity(self.services, bearer, workspace or self.workspace)

    def form(self) -> dict[str, str]:
        """Return the fields of the form that was sent."""
        pairs = parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True)
        return {name: value.replace("\r\n", "\n") for name, value in pairs}


PageHandler: TypeAlias = Callable[[Viewer], Response | Awaitable[Response]]


def html(
    viewer: Viewer,
    title: str,
    *content: Markup,
    events: str | None = None,
    fresh: bool = False,
    status: int = 200,
) -> Response:
    """Return a page as an answer."""
    frame = PageFrame(title, viewer.workspace, events, fresh)
    return HTMLResponse(layout.page(frame, *content), status, headers=SAFE)


def to(path: str) -> Response:
    """Return the answer that leads to another page."""
    return RedirectResponse(path, 303, headers=SAFE)


def guarded(services: Services, page: PageHandler) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler that signs in, refuses in words, and gives the page."""

    async def serve(request: Request) -> Response:
        given = request.query_params.get("token")
        if given is not None and request.method == "GET":
            return _signed_in(services, request, given)
        workspace = request.query_params.get("workspace", "admins")
        viewer = Viewer(services, request, workspace)
        try:
            if request.method == "POST":
                viewer = Viewer(services, request, workspace, await _body(request))
            answer = await run_in_threadpool(page, viewer)
            return answer if isinstance(answer, Response) else await answer
        except RequestRefused as refused:
            return _refused(viewer, refused.status, str(refused))
        except ServerError as fault:
            return _refused(viewer, 500, str(fault))

    return serve


def login(services: Services) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler that takes a token from the form that asks for one."""

    async def serve(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        return _signed_in(services, request, form.get("token", "").strip(), form.get("next", "/"))

    return serve


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_FORM:
            raise RequestRefused(f"what was typed is larger than {LARGEST_FORM} bytes", 413)
        parts.append(part)
    return b"".join(parts)


def _signed_in(services: Services, request: Request, token: str, then: str | None = None) -> Response:
    """Keep a token that opens something in a cookie, and go on without it in the address."""
    try:
        bearer_of(services, token)
    except RequestRefused as refused:
        return _refused(Viewer(services, request, "admins"), refused.status, str(refused))
    rest = [(name, value) for name, value in request.query_params.multi_items() if name != "token"]
    here = then or f"{request.url.path}{'?' + urlencode(rest) if rest else ''}"
    safe = here if here.startswith("/") and not here.startswith(("//", "/\\")) else "/"
    answer = to(safe)
    answer.set_cookie(cookie_name(request), token, httponly=True, samesite="strict", max_age=30 * 86_400)
    return answer


def _refused(viewer: Viewer, status: int, why: str) -> Response:
    if status != HTTPStatus.UNAUTHORIZED:
        return html(viewer, "Not possible", layout.card("Not possible", tag("p", why)), status=status)
    field = tag("input", name_="token", type="password", placeholder="token", autofocus=True, required=True)
    form = tag("form", field, tag("button", "Open"), method="post", action="/login", class_="login")
    said = "The command metaflow-windmill dev has printed the token that opens these pages."
    return html(viewer, "Sign in", layout.card("Sign in", tag("p", said), form), status=status)
