"""The pages of flows: all of them with the latest runs, and one with the form that runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from metaflow_windmill.devserver.catalog import flows
from metaflow_windmill.devserver.catalog.scopes import Need
from metaflow_windmill.devserver.model import Submission
from metaflow_windmill.devserver.pages import layout, runnable, runs, steps, worker_warnings
from metaflow_windmill.devserver.pages.fields import Filled
from metaflow_windmill.devserver.pages.graph import outline
from metaflow_windmill.devserver.pages.starting import Startable, started
from metaflow_windmill.devserver.pages.viewer import html
from metaflow_windmill.devserver.refusals import there
from metaflow_windmill.openflow import read_flow_value

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.devserver.pages.viewer import Viewer

NOTHING = "Nothing is deployed yet: python flow.py windmill create"


def front(viewer: Viewer) -> Response:
    """Show the flows and the latest runs of a workspace."""
    viewer.check(Need("jobs", "read"))
    viewer.check(Need("flows", "read"))
    database, workspace = viewer.services.database, viewer.workspace
    return html(
        viewer,
        f"workspace {workspace}",
        worker_warnings.warning(viewer.services, workspace),
        runnable.overview(viewer, "flow", flows.listed(database.read(), workspace), NOTHING),
        layout.card("Runs", runs.table(database, runs.latest(database, workspace))),
        fresh=True,
    )


def run(viewer: Viewer) -> Response:
    """Start a run with what was typed, and lead to its page; or show the form again with what is wrong."""
    path = viewer.path
    viewer.check(Need("jobs", "run", "flows", path))
    database = viewer.services.database
    shown = flows.get(database.read(), viewer.workspace, path)
    version = there(flows.latest(database.read(), viewer.workspace, path), f"flow not found at name {path}")
    asked = Submission("flow", viewer.who(), {}, path, flow=version, labels=version.labels)
    answer = started(viewer, asked, shown.get("schema"))
    return one(viewer, answer) if isinstance(answer, Filled) else answer


def one(viewer: Viewer, filled: Filled | None = None) -> Response:
    """Show a flow with its form, as it was filled in if that is wrong, its steps and its runs."""
    path = viewer.path
    viewer.check(Need("flows", "read", path=path))
    viewer.check(Need("jobs", "read"))
    shown = flows.get(viewer.services.database.read(), viewer.workspace, path)
    told = layout.facts(
        path=path,
        deployed_by=shown["edited_by"],
        at=layout.when(shown["edited_at"]),
        version=str(shown["version_id"]),
        tag=shown["tag"],
    )
    form = Startable(f"/flows/run/{quote(path)}", shown.get("schema"))
    steps_of = steps.graph(outline(read_flow_value(shown["value"]).modules), "")
    top = runnable.head(shown, told)
    return runnable.page(viewer, top, form, filled, layout.card("Steps", steps_of), runnable.latest(viewer))
