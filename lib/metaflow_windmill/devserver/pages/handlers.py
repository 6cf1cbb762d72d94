"""The routes of the pages, and the page of a run, which is followed live."""

from __future__ import annotations

import asyncio
import json
import time
from functools import lru_cache
from importlib import resources as files
from typing import TYPE_CHECKING
from uuid import UUID

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from metaflow_windmill.devserver.pages import (
    flow_pages,
    foreign,
    kept,
    question_forms,
    resource_page,
    schedule_page,
    script_pages,
)
from metaflow_windmill.devserver.pages.markup import Markup, tag
from metaflow_windmill.devserver.pages.run_page import Shown, has_ended, parts
from metaflow_windmill.devserver.pages.viewer import SAFE, PageHandler, Viewer, guarded, html, login, to
from metaflow_windmill.devserver.refusals import not_found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from metaflow_windmill.devserver.api.services import Services

NAP = 0.3
"""Seconds between two looks at a run that changes all the time."""

SHARE = 4
"""How many times longer than a look itself the nap after it is: a large run must not keep a core busy."""

LOOK_AGAIN = 1.0
"""Seconds after which the log is read again, which changes without a word."""

PANELS = (("asks",), ("failures",), ("timeline",), ("graph", "detail"))
"""The parts of a run's page below its head, row by row."""

ASSETS = {"style.css": "text/css", "live.js": "text/javascript"}


def routes(services: Services) -> list[Route]:
    """Return the routes of the pages."""
    pages: tuple[tuple[str, str, PageHandler], ...] = (
        ("GET", "/", flow_pages.front),
        ("GET", "/flows/get/{path:path}", flow_pages.one),
        ("POST", "/flows/run/{path:path}", flow_pages.run),
        ("GET", "/scripts", script_pages.every),
        ("GET", "/scripts/get/{path:path}", script_pages.one),
        ("POST", "/scripts/run/{path:path}", script_pages.run),
        ("GET", "/schedules", schedule_page.every),
        ("POST", "/schedules/switch/{path:path}", schedule_page.switch),
        ("GET", "/resources", resource_page.every),
        ("GET", "/run/{id}", run),
        ("GET", "/run/{id}/events", events),
        ("GET", "/run/{id}/html", foreign.html_of_result),
        ("GET", "/run/{id}/kept", kept.every),
        ("GET", "/run/{id}/card", kept.card),
        ("POST", "/run/{id}/cancel", cancel),
        ("POST", "/run/{id}/answer", question_forms.answer),
    )
    return [
        *(Route(path, guarded(services, page), methods=[method]) for method, path, page in pages),
        Route("/login", login(services), methods=["POST"]),
        Route("/static/{name}", asset),
    ]


def run(viewer: Viewer) -> Response:
    """Show a run."""
    shown = shown_by(viewer)
    made = parts(viewer.services, shown)
    names = [[name for name in row if name in made or row != PANELS[-1]] for row in PANELS]
    return html(
        Viewer(viewer.services, viewer.request, shown.workspace),
        f"run {shown.run[:8]}",
        _panel("head", made["head"]),
        *(
            tag(
                "div",
                *(_panel(name, made.get(name)) for name in row),
                class_="split" if len(row) > 1 else None,
            )
            for row in names
        ),
        events=None if has_ended(viewer.services, shown) else f"/run/{shown.run}/events{shown.query}",
    )


def events(viewer: Viewer) -> Response:
    """Send the parts of a run's page as they change, until it ends."""
    return StreamingResponse(_parts(viewer, shown_by(viewer)), media_type="text/event-stream", headers=SAFE)


def cancel(viewer: Viewer) -> Response:
    """Cancel a run."""
    shown = shown_by(viewer, "write")
    viewer.services.engine.cancel(shown.run, viewer.who(shown.workspace).username, "from its page")
    return to(f"/run/{shown.run}")


async def asset(request: Request) -> Response:
    """Send the style sheet or the script."""
    name = request.path_params["name"]
    if name not in ASSETS:
        return Response("Not found", 404)
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(_file(name), media_type=ASSETS[name], headers=headers)


def shown_by(viewer: Viewer, action: str = "read") -> Shown:
    """Return what the address asks for; the workspace is the job's own.

    Raises
    ------
    RequestRefused
        404 if there is no such run, 401 or 403 if the token does not cover it.
    """
    viewer.who("")
    try:
        wanted = str(UUID(viewer.request.path_params["id"]))
        chosen = viewer.request.query_params.get("job")
        chosen = str(UUID(chosen)) if chosen else None
    except ValueError as fault:
        raise not_found("there is no such run") from fault
    return Shown(viewer.job(wanted, action).workspace, wanted, chosen)


@lru_cache
def _file(name: str) -> str:
    return (files.files(__package__) / "static" / name).read_text(encoding="utf-8")


def _panel(name: str, content: Markup | None) -> Markup:
    """Return a part of the page; one that has nothing to say yet is there and not seen."""
    return tag("section", content, class_="card", id_=name, hidden=content is None)


async def _parts(viewer: Viewer, shown: Shown) -> AsyncIterator[str]:
    sent: dict[str, Markup] = {}
    services = viewer.services
    with services.engine.changes.subscribe(shown.run) as subscription:
        while not services.closing.is_set() and not await viewer.request.is_disconnected():
            began = time.monotonic()
            ended = await run_in_threadpool(has_ended, services, shown)
            made = await run_in_threadpool(parts, services, shown)
            gone = {name: Markup("") for name in sent if name not in made}
            for name, markup in (made | gone).items():
                if sent.get(name) != markup:
                    yield f"event: part\ndata: {json.dumps({'id': name, 'html': markup})}\n\n"
            sent = made | gone
            if ended:
                yield "event: end\ndata: {}\n\n"
                return
            await asyncio.sleep(max(NAP, SHARE * (time.monotonic() - began)))
            await subscription.changed(LOOK_AGAIN)
