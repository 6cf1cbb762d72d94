"""What a run keeps outside of Windmill: the artifacts of its tasks, and their cards in a sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from metaflow_windmill.devserver.pages import layout
from metaflow_windmill.devserver.pages.foreign import framed, lively_page
from metaflow_windmill.devserver.pages.markup import Markup, join, tag, text
from metaflow_windmill.devserver.pages.run_page import part_of
from metaflow_windmill.devserver.pages.viewer import html
from metaflow_windmill.devserver.refusals import not_found, there

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.devserver.pages.viewer import Viewer
    from metaflow_windmill.types import Json

THOUSAND = 1000


def every(viewer: Viewer) -> Response:
    """Show the tasks of a run with their artifacts and cards."""
    job = viewer.request.path_params["id"]
    told = _told(viewer, job)
    back = tag("p", layout.run_link(job, "Back to the run"))
    if told.get("error"):
        return html(
            viewer, f"run {job[:8]}", layout.card("Artifacts and cards", back, tag("p", told["error"]))
        )
    tasks = told.get("tasks") or []
    shown = [_task(job, task) for task in tasks] or [tag("p", "No task has begun.", class_="soft")]
    return html(viewer, f"run {job[:8]}", layout.card("Artifacts and cards", back), *shown)


def card(viewer: Viewer) -> Response:
    """Show a card: the page around it, or what the frame of that asks for."""
    job, query = viewer.request.path_params["id"], viewer.request.query_params
    task, number = query.get("task", ""), query.get("card", "")
    if query.get("page") == "yes":
        source = f"/run/{quote(job)}/card?{urlencode({'task': task, 'card': number})}"
        return lively_page(viewer, job, source, f"A card of {task}")
    if not number.isdecimal():
        raise not_found("there is no such card")
    told = _told(viewer, job, task=task, card=number)
    if not isinstance(told.get("html"), str):
        raise not_found(str(told.get("error") or "there is no such card"))
    return framed(viewer, job, told["html"], scripts=True)


def _told(viewer: Viewer, job_id: str, **asked: str) -> dict[str, Json]:
    services = viewer.services
    viewer.who("")
    keeper = there(services.keeper, "there is no such run")
    viewer.job(job_id)
    flow = part_of(services, job_id).flow
    environment = dict(flow.flow_env) if flow else {}
    return keeper.tell({"environment": environment, "run": job_id, **asked})


def _task(job: str, told: Json) -> Markup:
    if told["task"] is None:
        return layout.card(told["step"], tag("p", "More tasks of this step are not shown.", class_="soft"))
    rows = [(each["name"], each["type"], _size(each["size"])) for each in told["artifacts"]]
    cards = [_card(job, told["task"], at, name) for at, name in enumerate(told["cards"])]
    shown = tag("p", "Cards: ", join(cards)) if cards else text("")
    table = layout.table(("Artifact", "Type", "Size"), rows, "It keeps no artifacts.")
    return layout.card(told["task"], shown, table)


def _card(job: str, task: str, at: int, name: str) -> Markup:
    query = urlencode({"task": task, "card": at, "page": "yes"})
    return tag("a", name, href=f"/run/{quote(job)}/card?{query}", class_="label")


def _size(size: int) -> str:
    """Write a number of bytes for people.

    >>> _size(12), _size(3400), _size(5_600_000)
    ('12 B', '3.4 kB', '5.6 MB')
    """
    if size < THOUSAND:
        return f"{size} B"
    return f"{size / 1e3:.1f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"  # noqa: PLR2004
