"""The pages: the list of flows and runs, a flow, and a run that is followed live."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from importlib import resources
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl, quote, urlencode
from uuid import UUID

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from metaflow_windmill.devserver.api.auth import bearer_of, cookie_name, identity, said_token
from metaflow_windmill.devserver.catalog import flows
from metaflow_windmill.devserver.catalog.scopes import Need, allows
from metaflow_windmill.devserver.pages import render
from metaflow_windmill.devserver.pages.graph import outline
from metaflow_windmill.devserver.pages.markup import Markup, tag, text
from metaflow_windmill.devserver.pages.run import Shown, has_ended, parts
from metaflow_windmill.devserver.refusals import denied, not_found
from metaflow_windmill.devserver.store import job_rows, jobs
from metaflow_windmill.errors import RequestRefused
from metaflow_windmill.openflow import read_flow_value

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from metaflow_windmill.devserver.api.services import Services
    from metaflow_windmill.types import Json

RUNS_SHOWN = 50
"""Runs on the first page."""

NAP = 0.3
"""Seconds between two looks at a run that changes all the time."""

LOOK_AGAIN = 1.0
"""Seconds after which the log is read again, which changes without a word."""

RUN_KINDS = ("flow", "flowpreview", "script", "preview")

ASSETS = {"style.css": "text/css", "live.js": "text/javascript"}

SAFE = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Headers of every page: nothing from elsewhere, and no token in a referrer."""


@dataclass(frozen=True)
class Viewer:
    """Who looks at which page."""

    services: Services
    request: Request
    workspace: str


Page: TypeAlias = Callable[[Viewer], Awaitable[Response]]


def routes(services: Services) -> list[Route]:
    """Return the routes of the pages."""
    pages: tuple[tuple[str, str, Page], ...] = (
        ("GET", "/", front),
        ("GET", "/flows/get/{path:path}", flow),
        ("GET", "/run/{id}", run),
        ("GET", "/run/{id}/events", events),
        ("POST", "/run/{id}/cancel", cancel),
    )
    return [
        *(Route(path, _guarded(services, page), methods=[method]) for method, path, page in pages),
        Route("/login", _login(services), methods=["POST"]),
        Route("/static/{name}", asset),
    ]


async def front(viewer: Viewer) -> Response:
    """Show the flows and the latest runs of a workspace."""
    return await run_in_threadpool(_front, viewer)


async def flow(viewer: Viewer) -> Response:
    """Show a flow and its runs."""
    return await run_in_threadpool(_flow, viewer)


async def run(viewer: Viewer) -> Response:
    """Show a run."""
    return await run_in_threadpool(_run, viewer)


async def events(viewer: Viewer) -> Response:
    """Send the parts of a run's page as they change, until it ends."""
    shown = await run_in_threadpool(_shown, viewer)
    return StreamingResponse(_parts(viewer, shown), media_type="text/event-stream", headers=SAFE)


async def cancel(viewer: Viewer) -> Response:
    """Cancel a run."""
    shown = await run_in_threadpool(_shown, viewer, "write")
    who = identity(bearer_of(viewer.services, said_token(viewer.request)), shown.workspace)
    await run_in_threadpool(viewer.services.engine.cancel, shown.run, who.username, "from its page")
    return RedirectResponse(f"/run/{shown.run}", 303)


async def asset(request: Request) -> Response:
    """Send the style sheet or the script."""
    name = request.path_params["name"]
    if name not in ASSETS:
        return Response("Not found", 404)
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(_file(name), media_type=ASSETS[name], headers=headers)


@lru_cache
def _file(name: str) -> str:
    return (resources.files(__package__) / "static" / name).read_text(encoding="utf-8")


def _guarded(services: Services, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        given = request.query_params.get("token")
        if given is not None and request.method == "GET":
            return _signed_in(services, request, given)
        try:
            workspace = request.query_params.get("workspace", "admins")
            return await page(Viewer(services, request, workspace))
        except RequestRefused as refused:
            return _refused(refused)

    return serve


def _login(services: Services) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        return _signed_in(services, request, form.get("token", "").strip(), form.get("next", "/"))

    return serve


def _signed_in(services: Services, request: Request, token: str, then: str | None = None) -> Response:
    """Keep a token that opens something in a cookie, and go on without it in the address."""
    try:
        bearer_of(services, token)
    except RequestRefused as refused:
        return _refused(refused)
    rest = [(name, value) for name, value in request.query_params.multi_items() if name != "token"]
    here = then or f"{request.url.path}{'?' + urlencode(rest) if rest else ''}"
    safe = here if here.startswith("/") and not here.startswith(("//", "/\\")) else "/"
    answer = RedirectResponse(safe, 303, headers=SAFE)
    answer.set_cookie(cookie_name(request), token, httponly=True, samesite="strict", max_age=30 * 86_400)
    return answer


def _refused(refused: RequestRefused) -> Response:
    if refused.status != HTTPStatus.UNAUTHORIZED:
        return _html("Not possible", tag("p", str(refused)), status=refused.status)
    field = tag("input", name_="token", type="password", placeholder="token", autofocus=True, required=True)
    form = tag("form", field, tag("button", "Open"), method="post", action="/login", class_="login")
    why = "The command metaflow-windmill dev has printed the token that opens these pages."
    return _html("Sign in", render.card("Sign in", tag("p", why), form), status=refused.status)


def _html(
    title: str, *content: Markup, status: int = 200, events: str | None = None, fresh: bool = False
) -> Response:
    return HTMLResponse(render.page(title, *content, events=events, fresh=fresh), status, headers=SAFE)


def _check(viewer: Viewer, workspace: str, need: Need) -> None:
    bearer = bearer_of(viewer.services, said_token(viewer.request))
    identity(bearer, workspace)
    if not allows(bearer.scopes, need):
        raise denied(f"the scopes of this token do not cover {need}")


def _front(viewer: Viewer) -> Response:
    _check(viewer, viewer.workspace, Need("jobs", "read"))
    _check(viewer, viewer.workspace, Need("flows", "read"))
    database = viewer.services.database
    deployed = flows.listed(database.read(), viewer.workspace)
    latest = jobs.JobFilters(has_null_parent=True, kinds=RUN_KINDS, per_page=RUNS_SHOWN)
    rows = jobs.list_jobs(database, viewer.workspace, latest)
    return _html(
        f"workspace {viewer.workspace}",
        render.card("Flows", _flows_table(deployed, viewer.workspace)),
        render.card("Runs", render.runs_table(rows)),
        fresh=True,
    )


def _flows_table(deployed: list[Json], workspace: str) -> Markup:
    if not deployed:
        return tag("p", "Nothing is deployed yet: python flow.py windmill create", class_="soft")
    rows = [
        tag(
            "tr",
            tag(
                "td",
                tag("a", row["path"], href=f"/flows/get/{quote(row['path'])}?workspace={quote(workspace)}"),
            ),
            tag(
                "td", row["summary"], *(tag("span", each, class_="label") for each in row.get("labels") or ())
            ),
            tag("td", row["edited_by"]),
            tag("td", render.when(row["edited_at"]), class_="number"),
        )
        for row in deployed
    ]
    head = tag("tr", *(tag("th", name) for name in ("Flow", "Summary", "Deployed by", "At")))
    return tag("table", tag("thead", head), tag("tbody", *rows))


def _flow(viewer: Viewer) -> Response:
    path = viewer.request.path_params["path"]
    _check(viewer, viewer.workspace, Need("flows", "read", path=path))
    _check(viewer, viewer.workspace, Need("jobs", "read"))
    database = viewer.services.database
    shown = flows.get(database.read(), viewer.workspace, path)
    wanted = jobs.JobFilters(path_exact=path, has_null_parent=True, kinds=RUN_KINDS, per_page=RUNS_SHOWN)
    rows = jobs.list_jobs(database, viewer.workspace, wanted)
    told = render.facts(
        deployed_by=shown["edited_by"], at=render.when(shown["edited_at"]), version=str(shown["version_id"])
    )
    steps = render.graph(outline(read_flow_value(shown["value"]).modules), "")
    description = tag("pre", shown["description"]) if shown["description"] else text("")
    return _html(
        path,
        tag("section", tag("h1", shown["summary"] or path), told, description, class_="card"),
        tag(
            "div",
            render.card("Steps", steps),
            render.card("Runs", render.runs_table(rows, of=False)),
            class_="split",
        ),
    )


def _run(viewer: Viewer) -> Response:
    shown = _shown(viewer)
    made = parts(viewer.services, shown)
    panels = [
        tag("section", made[name], class_="card", id_=name) for name in ("graph", "detail") if name in made
    ]
    return _html(
        f"run {shown.run[:8]}",
        tag("section", made["head"], class_="card", id_="head"),
        tag("div", *panels, class_="split" if len(panels) > 1 else None),
        events=None if has_ended(viewer.services, shown) else f"/run/{shown.run}/events{shown.query}",
    )


def _shown(viewer: Viewer, action: str = "read") -> Shown:
    """Return what the address asks for; the workspace is the job's own."""
    try:
        wanted = str(UUID(viewer.request.path_params["id"]))
        chosen = viewer.request.query_params.get("job")
        chosen = str(UUID(chosen)) if chosen else None
    except ValueError as fault:
        raise not_found("there is no such run") from fault
    bearer_of(viewer.services, said_token(viewer.request))
    job = job_rows.load(viewer.services.database.read(), wanted)
    if job is None:
        raise not_found("there is no such run")
    _check(viewer, job.workspace, Need("jobs", action))
    return Shown(job.workspace, wanted, chosen)


async def _parts(viewer: Viewer, shown: Shown) -> AsyncIterator[str]:
    sent: dict[str, Markup] = {}
    services = viewer.services
    with services.engine.changes.subscribe(shown.run) as subscription:
        while not services.closing.is_set() and not await viewer.request.is_disconnected():
            ended = await run_in_threadpool(has_ended, services, shown)
            made = await run_in_threadpool(parts, services, shown)
            for name, markup in made.items():
                if sent.get(name) != markup:
                    yield f"event: part\ndata: {json.dumps({'id': name, 'html': markup})}\n\n"
            sent = made
            if ended:
                yield "event: end\ndata: {}\n\n"
                return
            await asyncio.sleep(NAP)
            await subscription.changed(LOOK_AGAIN)
