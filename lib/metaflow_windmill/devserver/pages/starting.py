"""From a form to a run."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.catalog import resources
from metaflow_windmill.devserver.catalog.scopes import Need
from metaflow_windmill.devserver.pages import layout
from metaflow_windmill.devserver.pages.fields import PREFIX, WHOLE, Filled, fields_of, read, typed_of
from metaflow_windmill.devserver.pages.form import run_form
from metaflow_windmill.devserver.pages.viewer import to
from metaflow_windmill.devserver.store import job_rows, jobs

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.devserver.model import Submission
    from metaflow_windmill.devserver.pages.markup import Markup
    from metaflow_windmill.devserver.pages.viewer import Viewer
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class Startable:
    """What a form runs: where it is sent, and the schema of its arguments."""

    action: str
    schema: Json


def card(viewer: Viewer, runnable: Startable, filled: Filled | None) -> Markup:
    """Return the form; with what was typed before, with the arguments of another run, or with defaults."""
    fields = fields_of(runnable.schema)
    first = filled or Filled(typed=typed_of(fields, _arguments_of(viewer)))
    if not fields and filled is None:
        first = Filled(typed={WHOLE: _whole(_arguments_of(viewer))})
    action = layout.inside(runnable.action, viewer.workspace)
    return layout.card("Run", run_form(action, fields, first, partial(_paths, viewer)), id_="form")


def started(viewer: Viewer, asked: Submission, schema: Json) -> Response | Filled:
    """Start a run with what was typed and lead to its page; return what was typed if something is wrong."""
    form = viewer.form()
    typed = {name.removeprefix(PREFIX): value for name, value in form.items() if name.startswith(PREFIX)}
    filled = read(fields_of(schema), {**typed, **({WHOLE: form[WHOLE]} if WHOLE in form else {})})
    if filled.wrong:
        return filled
    job = viewer.services.engine.submit(replace(asked, args=filled.arguments))
    return to(f"/run/{job}")


def _arguments_of(viewer: Viewer) -> dict[str, Json]:
    """Return the arguments of the run that is to be repeated, if the address names one."""
    wanted = viewer.request.query_params.get("from")
    if not wanted:
        return {}
    job = job_rows.load(viewer.services.database.read(), wanted)
    if job is None or job.workspace != viewer.workspace:
        return {}
    viewer.check(Need("jobs", "read"))
    return jobs.args(viewer.services.database, wanted) or {}


def _whole(arguments: dict[str, Json]) -> str:
    return json.dumps(arguments, indent=2, ensure_ascii=False) if arguments else ""


def _paths(viewer: Viewer, resource_type: str) -> list[str]:
    found = resources.listed(
        viewer.services.database.read(), viewer.workspace, resource_type=resource_type or None
    )
    return [row["path"] for row in found]
