"""What every page has: the frame around it, cards, tables, states and times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from metaflow_windmill.devserver.pages.markup import Markup, join, tag, text
from metaflow_windmill.devserver.store.clock import from_datetime, iso, read_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from metaflow_windmill.devserver.pages.markup import Content

PLACES = (("Flows", "/"), ("Scripts", "/scripts"), ("Schedules", "/schedules"), ("Resources", "/resources"))
"""What the head of each page leads to."""


@dataclass(frozen=True)
class PageFrame:
    """What stands around the content of a page.

    Parameters
    ----------
    title : str
    workspace : str
    events : str or None
        Where the parts of the page come from as they change.
    fresh : bool
        Whether the whole page is asked for again all the time.
    """

    title: str
    workspace: str = "admins"
    events: str | None = None
    fresh: bool = False


def page(frame: PageFrame, *content: Markup) -> str:
    """Return a whole page."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{frame.title} · Windmill"),
        tag("link", rel="stylesheet", href="/static/style.css"),
        tag("link", rel="icon", href="data:,"),
    )
    links = [tag("a", name, href=inside(path, frame.workspace)) for name, path in PLACES]
    top = tag(
        "header",
        tag("a", "Embedded Windmill", href=inside("/", frame.workspace), class_="brand"),
        tag("nav", *links),
        tag("span", frame.workspace, class_="soft", title="workspace"),
        class_="top",
    )
    script = tag("script", src="/static/live.js")
    body = tag("body", top, tag("main", *content), script, data_events=frame.events, data_fresh=frame.fresh)
    return f"<!doctype html>{tag('html', head, body, lang='en')}"


def inside(path: str, workspace: str, **more: str) -> str:
    """Return an address of the pages in a workspace."""
    named = {"workspace": workspace, **more}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in named.items())
    return f"{quote(path)}?{query}"


def card(title: str, *content: Content, id_: str | None = None) -> Markup:
    """Return a part with a heading; one with an id can be put in anew."""
    return tag("section", tag("h2", title), *content, class_="card", id_=id_)


def table(head: Sequence[str], rows: Iterable[Sequence[Content]], nothing: str = "") -> Markup:
    """Return a table, which on a narrow screen becomes a list; or what is said where there is nothing."""
    made = [tag("tr", *(_cell(name, cell) for name, cell in zip(head, row, strict=True))) for row in rows]
    if not made:
        return tag("p", nothing, class_="soft")
    names = tag("tr", *(tag("th", name) for name in head))
    return tag("table", tag("thead", names), tag("tbody", *made), data_list=True)


def _cell(name: str, content: Content) -> Markup:
    return tag("td", tag("div", content) if content not in (None, "") else None, data_label=name)


def state(word: str) -> Markup:
    """Return a state as a dot and a word."""
    return tag("span", word, class_=f"state {state_class(word)}")


def state_class(word: str) -> str:
    """Return the class of a state."""
    return f"is-{word.replace(' ', '-') or 'waiting'}"


def run_link(job_id: str, content: Content, **attributes: str | None) -> Markup:
    """Return a link to the page of a run."""
    return tag("a", content, href=f"/run/{quote(job_id)}", **attributes)


def labels(told: Iterable[str]) -> Markup:
    """Return labels, one after the other."""
    return join([tag("span", each, class_="label") for each in told])


def when(instant: str | int | None) -> Markup:
    """Return an instant; a script of the page writes it in the viewer's own time."""
    told = iso(instant) if isinstance(instant, int) else instant
    return tag("time", told[:19].replace("T", " "), datetime=told) if told else text("")


def micros(instant: str | None) -> int | None:
    """Return an instant of the API in microseconds since 1970."""
    return from_datetime(read_instant(instant)) if instant else None


def took(began: int | None, ended: int | None) -> Markup:
    """Return how long something took between two instants in microseconds, or has been taking so far."""
    if began is None:
        return text("")
    if ended is None:
        return tag("span", "", data_since=began // 1000)
    return text(duration(max(0, ended - began) / 1_000_000))


def duration(seconds: float) -> str:
    """Write a duration for people.

    >>> duration(3.04), duration(125), duration(7300)
    ('3.0 s', '2 min 5 s', '2 h 1 min')
    """
    if seconds < 60:  # noqa: PLR2004 - seconds in a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004


def facts(**told: Content) -> Markup:
    """Return a list of names and values; those without a value are left out."""
    rows = [
        tag("div", tag("dt", name.replace("_", " ")), tag("dd", value))
        for name, value in told.items()
        if value not in (None, "")
    ]
    return tag("dl", *rows, class_="facts")
