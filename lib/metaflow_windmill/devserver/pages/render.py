"""The parts that pages are made of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from metaflow_windmill.devserver.instants import read_instant
from metaflow_windmill.devserver.pages.graph import Arm, Child, Node, state_of
from metaflow_windmill.devserver.pages.markup import Markup, join, tag, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow_windmill.types import Json

SHOWN_ITERATIONS = 1000
SHOWN_ERRORS = 20
LONGEST_VALUE = 20_000
"""Characters of a value that a page shows."""


def page(title: str, *content: Markup, events: str | None = None, fresh: bool = False) -> str:
    """Return a whole page.

    Where it has a source of events, its parts are put in anew as they come; a fresh one is asked for again
    all the time.
    """
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{title} · Windmill"),
        tag("link", rel="stylesheet", href="/static/style.css"),
        tag("link", rel="icon", href="data:,"),
    )
    top = tag("header", tag("a", "Embedded Windmill", href="/"), tag("span", title), class_="top")
    script = tag("script", src="/static/live.js")
    body = tag("body", top, tag("main", *content), script, data_events=events, data_fresh=fresh)
    return f"<!doctype html>{tag('html', head, body, lang='en')}"


def card(title: str, *content: Markup, id_: str | None = None) -> Markup:
    """Return a part with a heading; one with an id can be put in anew."""
    return tag("section", tag("h2", title), *content, class_="card", id_=id_)


def state(word: str) -> Markup:
    """Return a state as a dot and a word."""
    return tag("span", word, class_=f"state is-{word}")


def run_link(job_id: str, content: str | Markup, **attributes: str | None) -> Markup:
    """Return a link to the page of a run."""
    return tag("a", content, href=f"/run/{quote(job_id)}", **attributes)


def when(instant: str | None) -> Markup:
    """Return an instant; a script of the page writes it in the viewer's own time."""
    return tag("time", instant[:19].replace("T", " "), datetime=instant) if instant else text("")


def took(row: Json) -> Markup:
    """Return how long a job took, or has been taking so far."""
    if row["type"] == "CompletedJob":
        return text(duration((row.get("duration_ms") or 0) / 1000))
    if not row.get("started_at"):
        return text("")
    since = int(read_instant(row["started_at"]).timestamp() * 1000)
    return tag("span", "", data_since=since)


def duration(seconds: float) -> str:
    """Write a duration for people.

    >>> duration(3.04), duration(125), duration(7300)
    ('3.0 s', '2 min 5 s', '2 h 1 min')
    """
    if seconds < 60:  # noqa: PLR2004 - seconds in a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004


def facts(**told: Markup | str | None) -> Markup:
    """Return a list of names and values; those without a value are left out."""
    rows = [
        tag("div", tag("dt", name.replace("_", " ")), tag("dd", value))
        for name, value in told.items()
        if value not in (None, "")
    ]
    return tag("dl", *rows, class_="facts")


def runs_table(rows: Sequence[Json], *, of: bool = True) -> Markup:
    """Return jobs as a table; with what they are runs of, unless that is the same for all."""
    if not rows:
        return tag("p", "Nothing has run yet.", class_="soft")
    names = ("State", "Run", *(["Of"] if of else []), "By", "Started", "Took")
    head = tag("tr", *(tag("th", name) for name in names))
    return tag("table", tag("thead", head), tag("tbody", *(_run_row(row, of=of) for row in rows)))


def _run_row(row: Json, *, of: bool) -> Markup:
    labels = [tag("span", label, class_="label") for label in row.get("labels") or ()]
    return tag(
        "tr",
        tag("td", state(state_of(row))),
        tag("td", run_link(row["id"], row["id"][:8])),
        tag("td", row.get("script_path") or row["job_kind"], *labels) if of else text(""),
        tag("td", row.get("created_by")),
        tag("td", when(row.get("started_at") or row.get("created_at")), class_="number"),
        tag("td", took(row), class_="number"),
    )


def graph(nodes: Sequence[Node], of: str, chosen: str | None = None) -> Markup:
    """Return the modules of a run, one below the other; `of` is the run whose page it is."""
    return tag("ol", *(_node(node, of, chosen) for node in nodes), class_="graph")


def _node(node: Node, of: str, chosen: str | None) -> Markup:
    title = tag("span", node.title, class_="title")
    if node.job is not None and node.row is not None and not node.arms:
        where = f"/run/{quote(of)}?job={quote(node.job)}"
        title = tag("a", node.title, href=where, class_="title chosen" if node.job == chosen else "title")
    told = [title]
    if node.kind != "step":
        told.append(tag("span", node.kind, class_="soft"))
    if node.state:
        told.append(tag("span", node.state, class_="soft", data_state=node.state, data_module=node.id))
    if node.retries:
        told.append(tag("span", f"after {node.retries} failed", class_="soft"))
    if node.row is not None:
        told.append(tag("span", took(node.row), class_="soft"))
    return tag(
        "li",
        tag("div", *told, class_="node"),
        _iterations(node.children),
        _arms(node.arms, of, chosen),
        class_=f"is-{node.state or 'waiting'}",
    )


def _iterations(children: Sequence[Child]) -> Markup:
    if not children:
        return text("")
    done = sum(child.state not in ("waiting", "queued", "running") for child in children)
    squares = [
        run_link(child.job, "", class_=f"is-{child.state}", title=f"{at}: {child.state}")
        for at, child in enumerate(children[:SHOWN_ITERATIONS])
    ]
    said = tag("div", f"{done} of {len(children)} done", class_="soft")
    return join([said, tag("div", *squares, class_="iterations")])


def _arms(arms: Sequence[Arm], of: str, chosen: str | None) -> Markup:
    if not arms:
        return text("")
    return tag("div", *(_arm(arm, of, chosen) for arm in arms), class_="arms")


def _arm(arm: Arm, of: str, chosen: str | None) -> Markup:
    name = tag("div", run_link(arm.job, arm.title) if arm.job else arm.title, class_="name")
    return tag("div", name if arm.title else text(""), graph(arm.nodes, of, chosen), class_="arm")


def value(told: Json) -> Markup:
    """Return a JSON value, cut where it is very long."""
    written = json.dumps(told, indent=2, ensure_ascii=False)
    return tag("pre", written if len(written) <= LONGEST_VALUE else written[:LONGEST_VALUE] + "\n…")


def error(result: Json) -> Markup:
    """Return what a failed job's result says; a failed loop's is a list, with errors among the results."""
    if isinstance(result, list):
        errors = [each for each in result if _error_in(each)]
        return join([error(each) for each in errors[:SHOWN_ERRORS]]) if errors else value(result)
    told = _error_in(result)
    if not told:
        return value(result)
    title = tag("strong", f"{told.get('name') or 'Error'}: {told.get('message') or ''}")
    stack = tag("pre", told["stack"]) if told.get("stack") else text("")
    step = tag("div", f"in step {told['step_id']}", class_="soft") if told.get("step_id") else text("")
    return tag("div", title, step, stack, class_="error card")


def _error_in(result: Json) -> Json:
    told = result.get("error") if isinstance(result, dict) else None
    return told if isinstance(told, dict) else None
