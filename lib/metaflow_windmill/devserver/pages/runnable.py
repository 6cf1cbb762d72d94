"""What the pages of a flow and of a script have in common: a head, the form that runs it, its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.pages import layout, runs
from metaflow_windmill.devserver.pages.markdown_html import rendered
from metaflow_windmill.devserver.pages.markup import join, tag, text
from metaflow_windmill.devserver.pages.starting import Startable, card
from metaflow_windmill.devserver.pages.viewer import html

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.devserver.pages.fields import Filled
    from metaflow_windmill.devserver.pages.markup import Markup
    from metaflow_windmill.devserver.pages.viewer import Viewer
    from metaflow_windmill.types import Json


def overview(viewer: Viewer, kind: str, found: list[Json], nothing: str) -> Markup:
    """Return the card of all flows, or of all scripts, with who deployed each and when."""
    deployed = "edited" if kind == "flow" else "created"
    rows = [
        [
            tag("a", row["path"], href=layout.inside(f"/{kind}s/get/{row['path']}", viewer.workspace)),
            join([row["summary"], layout.labels(row.get("labels") or ())]),
            row[f"{deployed}_by"],
            layout.when(row[f"{deployed}_at"]),
        ]
        for row in found
    ]
    heads = (kind.capitalize(), "Summary", "Deployed by", "At")
    return layout.card(f"{kind.capitalize()}s", layout.table(heads, rows, nothing))


def head(shown: Json, told: Markup, *more: Markup) -> Markup:
    """Return the card with the summary, the facts and the description of a flow or a script."""
    title = tag("h1", shown["summary"] or shown["path"], layout.labels(shown.get("labels") or ()))
    description = rendered(shown["description"]) if shown["description"] else text("")
    return tag("section", title, told, description, *more, class_="card")


def page(
    viewer: Viewer, top: Markup, runnable: Startable, filled: Filled | None, *beside: Markup
) -> Response:
    """Show the head, the form beside some cards, and what was typed if it cannot be run."""
    left = tag("div", card(viewer, runnable, filled))
    split = tag("div", left, tag("div", *beside), class_="split")
    return html(viewer, viewer.path, top, split, status=422 if filled is not None else 200)


def latest(viewer: Viewer) -> Markup:
    """Return the card of the latest runs."""
    database = viewer.services.database
    found = runs.latest(database, viewer.workspace, viewer.path)
    return layout.card("Runs", runs.table(database, found, of=False))
