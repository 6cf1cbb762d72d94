"""The page of one run, in parts that can be put in anew while it runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from metaflow_windmill.devserver.pages import render
from metaflow_windmill.devserver.pages.graph import Run, nodes, state_of
from metaflow_windmill.devserver.pages.markup import Markup, join, tag, text
from metaflow_windmill.devserver.store import job_rows, jobs
from metaflow_windmill.openflow import read_flow_value

if TYPE_CHECKING:
    from metaflow_windmill.devserver.api.services import Services
    from metaflow_windmill.types import Json

LOG_TAIL = 64 * 1024
"""Bytes of a log that the page shows; the whole log is a link away."""


@dataclass(frozen=True)
class Shown:
    """What a page shows: a run, and the one of its jobs whose logs and result are open.

    Parameters
    ----------
    workspace, run : str
    job : str or None
        None for the run itself.
    """

    workspace: str
    run: str
    job: str | None = None

    @property
    def query(self) -> str:
        """The address's end that chooses the job."""
        return f"?job={quote(self.job)}" if self.job else ""


def parts(services: Services, shown: Shown) -> dict[str, Markup]:
    """Return the parts of the page by their ids; none where there is no such run."""
    row = jobs.get_job(services.database, shown.workspace, shown.run)
    if row is None:
        return {}
    chosen = jobs.get_job(services.database, shown.workspace, shown.job) if shown.job else row
    made = {"head": _head(row)}
    run = run_of(services, shown.run)
    if run.flow is not None:
        drawn = nodes(run, partial(run_of, services))
        made["graph"] = join([tag("h2", "Steps"), render.graph(drawn, shown.run, shown.job)])
    made["detail"] = _detail(services, chosen or row, is_run=chosen is row)
    return made


def run_of(services: Services, job_id: str) -> Run:
    """Return a flow job as its graph needs it."""
    connection = services.database.read()
    job = job_rows.load(connection, job_id)
    if job is None or not job.is_flow or job.document is None:
        return Run(None, None, {})
    row = jobs.get_job(services.database, job.workspace, job_id)
    flow = read_flow_value(json.loads(job_rows.get_document(connection, job.document)))
    below = {child["id"]: child for child in jobs.children(services.database, job_id)}
    return Run(flow, row.get("flow_status"), below)


def has_ended(services: Services, shown: Shown) -> bool:
    """Tell whether the run will not change any more."""
    job = job_rows.load(services.database.read(), shown.run)
    return job is None or job.completed


def _head(row: Json) -> Markup:
    labels = [tag("span", label, class_="label") for label in row.get("labels") or ()]
    parent = row.get("parent_job")
    told = render.facts(
        state=render.state(state_of(row)),
        started=render.when(row.get("started_at")),
        took=render.took(row),
        by=row.get("created_by"),
        kind=row["job_kind"],
        canceled_by=row.get("canceled_by"),
        schedule=row.get("schedule_path"),
        part_of=render.run_link(parent, parent[:8]) if parent else None,
        id=row["id"],
    )
    return join([tag("h1", row.get("script_path") or row["job_kind"], *labels), told, _cancel_form(row)])


def _cancel_form(row: Json) -> Markup:
    if row["type"] == "CompletedJob":
        return text("")
    button = tag("button", "Cancel", type="submit")
    return tag("form", button, method="post", action=f"/run/{quote(row['id'])}/cancel", class_="cancel")


def _detail(services: Services, row: Json, *, is_run: bool) -> Markup:
    title = "The run" if is_run else (row.get("flow_step_id") or row.get("script_path") or row["id"])
    made = [tag("h2", title)]
    if not is_run:
        job = render.run_link(row["id"], row["id"][:8])
        made.append(render.facts(state=render.state(state_of(row)), took=render.took(row), job=job))
    if row["type"] == "CompletedJob":
        made.append(_result(row, jobs.result(services.database, row["id"])))
    made.append(_log(services, row))
    given = tag("summary", "Arguments")
    made.append(tag("details", given, render.value(jobs.args(services.database, row["id"])), id_="arguments"))
    return join(made)


def _result(row: Json, result: Json) -> Markup:
    if state_of(row) in ("failure", "canceled"):
        return render.error(result)
    return join([tag("h2", "Result"), render.value(result)])


def _log(services: Services, row: Json) -> Markup:
    size = services.logs.size(row["id"])
    tail, _ = services.logs.part(row["id"], max(0, size - LOG_TAIL), whole=True)
    if not tail:
        return tag("p", "No log yet." if row["type"] != "CompletedJob" else "No log.", class_="soft")
    whole = f"/api/w/{quote(row['workspace_id'])}/jobs_u/get_logs/{quote(row['id'])}"
    more = tag("p", "The end of a long log; ", tag("a", "the whole log", href=whole), class_="soft")
    return join([tag("h2", "Log"), more if size > LOG_TAIL else text(""), tag("pre", tail, class_="log")])
