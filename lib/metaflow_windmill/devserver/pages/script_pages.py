"""The pages of scripts: all of them, and one with the form that runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from metaflow_windmill.devserver.catalog import scripts
from metaflow_windmill.devserver.catalog.scopes import Need
from metaflow_windmill.devserver.model import Submission
from metaflow_windmill.devserver.pages import layout, runnable
from metaflow_windmill.devserver.pages.fields import Filled
from metaflow_windmill.devserver.pages.markup import Markup, join, tag, text
from metaflow_windmill.devserver.pages.starting import Startable, started
from metaflow_windmill.devserver.pages.viewer import html
from metaflow_windmill.devserver.refusals import bad_request

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.devserver.pages.viewer import Viewer
    from metaflow_windmill.types import Json

LONGEST_CODE = 100_000
"""Characters of a script's text that its page shows."""


def every(viewer: Viewer) -> Response:
    """Show the scripts of a workspace."""
    viewer.check(Need("scripts", "read"))
    found = scripts.listed(viewer.services.database.read(), viewer.workspace)
    nothing = "There are no scripts yet. metaflow-windmill install puts those of f/metaflow here."
    return html(viewer, "scripts", runnable.overview(viewer, "script", found, nothing))


def run(viewer: Viewer) -> Response:
    """Start a run with what was typed, and lead to its page; or show the form again with what is wrong."""
    path = viewer.path
    viewer.check(Need("jobs", "run", "scripts", path))
    connection = viewer.services.database.read()
    shown = scripts.get(connection, viewer.workspace, path)
    code = scripts.runnable(connection, viewer.workspace, path)
    if code is None:
        raise bad_request(f"{path} cannot be run: what it requires is not there. Its page says why.")
    asked = Submission("script", viewer.who(), {}, path, code)
    answer = started(viewer, asked, shown["schema"])
    return one(viewer, answer) if isinstance(answer, Filled) else answer


def one(viewer: Viewer, filled: Filled | None = None) -> Response:
    """Show a script with its form, as it was filled in if that is wrong, its text and its runs."""
    path = viewer.path
    viewer.check(Need("scripts", "read", path=path))
    viewer.check(Need("jobs", "read"))
    shown = scripts.get(viewer.services.database.read(), viewer.workspace, path)
    told = layout.facts(
        path=path,
        deployed_by=shown["created_by"],
        at=layout.when(shown["created_at"]),
        version=shown["hash"],
        tag=shown["tag"],
        timeout=f"{shown['timeout']} s" if shown["timeout"] else None,
    )
    form = Startable(f"/scripts/run/{quote(path)}", shown["schema"])
    top = runnable.head(shown, told, _lock(viewer, shown))
    return runnable.page(
        viewer, top, form, filled, runnable.latest(viewer), layout.card("Text", _text(shown))
    )


def _text(shown: Json) -> Markup:
    content = shown["content"]
    cut = content if len(content) <= LONGEST_CODE else content[:LONGEST_CODE] + "\n…"
    made = [
        tag("details", tag("summary", f"{content.count(chr(10)) + 1} lines"), tag("pre", cut), id_="text")
    ]
    if shown["lock"]:
        made.append(tag("details", tag("summary", "Lock"), tag("pre", shown["lock"]), id_="lock"))
    return join(made)


def _lock(viewer: Viewer, shown: Json) -> Markup:
    """Say so where what a script requires is not resolved, with the job that could tell why."""
    told = scripts.deployment_status(viewer.services.database.read(), viewer.workspace, shown["hash"])
    job, why = told["job_id"], told["lock_error_logs"]
    if not job or told["lock"] is not None:
        return text("")
    link = layout.run_link(job, "the job that resolves it")
    if why:
        return tag(
            "p", "It cannot be run: what it requires cannot be installed; see ", link, ".", class_="wrong"
        )
    return tag("p", "What it requires is looked for by ", link, ".", class_="soft")
