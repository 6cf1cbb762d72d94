"""HTML that somebody else wrote: in a frame of another origin, without network, and first without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import nh3
from starlette.responses import HTMLResponse

from metaflow_windmill.devserver.pages import layout
from metaflow_windmill.devserver.pages.markup import tag
from metaflow_windmill.devserver.pages.viewer import SAFE, Viewer, html, to
from metaflow_windmill.devserver.refusals import not_found
from metaflow_windmill.devserver.store import jobs, results

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.types import Json

STILL = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; media-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""What HTML of a result may do: look like something."""

LOOKS = {"class", "style", "title", "align", "width", "height", "colspan", "rowspan", "id"}
"""Attributes that say how something looks."""

LIVELY = (
    "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src data:; media-src data: blob:; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "worker-src blob:; base-uri 'none'; form-action 'none'"
)
"""The same with its scripts, which a person has asked for: they reach nothing."""


def html_of_result(viewer: Viewer) -> Response:
    """Send the HTML that stands at a place in the result of a job, to a frame only."""
    job, query = viewer.request.path_params["id"], viewer.request.query_params
    found = _at(viewer, job, query.get("at", ""))
    scripts = query.get("scripts") == "yes"
    if scripts and query.get("page") == "yes":
        return _page(viewer, job, query.get("at", ""))
    return framed(viewer, job, found, scripts=scripts)


def framed(viewer: Viewer, job: str, content: str, *, scripts: bool) -> Response:
    """Send HTML to a frame; outside of one, where it could lead its page elsewhere, lead to the run."""
    if viewer.request.headers.get("sec-fetch-dest", "iframe") != "iframe":
        return to(f"/run/{quote(job)}")
    headers = {**SAFE, "Content-Security-Policy": LIVELY if scripts else STILL}
    return HTMLResponse(content if scripts else cleaned(content), headers=headers)


def lively_page(viewer: Viewer, job: str, source: str, title: str) -> Response:
    """Return a page with HTML whose scripts run, in a sandbox."""
    frame = tag("iframe", src=source, sandbox="allow-scripts", title=title, class_="whole")
    back = tag("p", layout.run_link(job, "Back to the run"))
    return html(viewer, f"run {job[:8]}", layout.card(f"{title}, in a sandbox without network", back, frame))


def cleaned(html: str) -> str:
    """Return HTML without what the frame forbids anyway: a browser connects to some of it all the same."""
    attributes = {name: set(known) for name, known in nh3.ALLOWED_ATTRIBUTES.items()}
    attributes["*"] = attributes.get("*", set()) | LOOKS
    return nh3.clean(
        html,
        tags=nh3.ALLOWED_TAGS | {"style"},
        clean_content_tags={"script"},
        attributes=attributes,
        attribute_filter=_within,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer",
    )


def _within(_tag: str, attribute: str, value: str) -> str | None:
    """Leave out what a browser would fetch."""
    return None if attribute == "src" and not value.startswith("data:") else value


def _page(viewer: Viewer, job: str, at: str) -> Response:
    source = f"/run/{quote(job)}/html?at={quote(at, safe='')}&scripts=yes"
    return lively_page(viewer, job, source, "HTML of a result")


def _at(viewer: Viewer, job_id: str, path: str) -> str:
    viewer.job(job_id)
    result: Json = jobs.result(viewer.services.database, job_id)
    found = results.follow(result, path.split(".") if path else [])
    if not isinstance(found, str):
        raise not_found("there is no HTML at this place of the result")
    return found
