"""One job of a run: its result or its error, its log, its arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from metaflow_windmill.devserver.pages import layout, values
from metaflow_windmill.devserver.pages.markup import Markup, join, tag, text
from metaflow_windmill.devserver.store import flow_rows, job_rows, jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow_windmill.devserver.api.services import Services
    from metaflow_windmill.devserver.pages.job_progress import Tree
    from metaflow_windmill.devserver.store.trees import Twig
    from metaflow_windmill.types import Json

LOG_TAIL = 64 * 1024
"""Bytes of a log that the page shows; the whole log is a link away."""

LONGEST_LINE = 300
"""Characters of an error in a list."""


def shown(services: Services, row: Json, tree: Tree, first_failed: Sequence[Twig] = ()) -> Markup:
    """Return a job: the run itself, or one that was chosen.

    Where the run failed, the log of the first job that did stands with it.
    """
    is_flow, twig = row["job_kind"].startswith("flow"), tree.twigs.get(row["id"])
    is_run = twig is None or twig.step is None
    made = [tag("h2", "The run" if is_run else task_name(services, twig))] if twig else []
    told = tree.told.get(row["id"])
    if not is_run and told is not None:
        job = layout.run_link(row["id"], row["id"][:8])
        took = layout.took(told.began, told.ended)
        made.append(
            layout.facts(state=layout.state(told.state), took=took, worker=row.get("worker"), job=job)
        )
    if row["type"] == "CompletedJob":
        made.append(_outcome(services, row))
    if row["type"] != "CompletedJob" or not is_flow or services.logs.size(row["id"]):
        made.append(_log(services, row))
    made += [_log_of(services, row, each) for each in first_failed if is_flow]
    arguments = values.value(jobs.args(services.database, row["id"]))
    made.append(tag("details", tag("summary", "Arguments"), arguments, id_="arguments"))
    return join(made)


def task_name(services: Services, twig: Twig) -> str:
    """Return the step of a job, with the iterations that it stands in."""
    places: list[str] = []
    connection = services.database.read()
    job = job_rows.load(connection, twig.id)
    while job is not None and job.parent is not None:
        module = flow_rows.load_module(connection, job.parent, job.step or 0)
        if module is not None and module.shape in ("loop", "while"):
            places.append(str(job.iteration))
        job = job_rows.load(connection, job.parent)
    where = f" [{', '.join(reversed(places))}]" if places else ""
    return f"{twig.step_id or twig.kind}{where}"


def error_line(services: Services, job: str) -> str:
    """Return the first line of a failed job's error."""
    result = jobs.result(services.database, job)
    told = result.get("error") if isinstance(result, dict) else None
    said = f"{told.get('name') or 'Error'}: {told.get('message') or ''}" if isinstance(told, dict) else ""
    line = said.strip().partition("\n")[0]
    return line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + "…"


def _outcome(services: Services, row: Json) -> Markup:
    result = jobs.result(services.database, row["id"])
    if not row.get("success"):
        return values.error(result)
    return join(
        [
            tag("h2", "Result"),
            tag("div", values.result(result, values.ValueOrigin(row["id"])), class_="result"),
        ]
    )


def _log(services: Services, row: Json, title: str = "Log") -> Markup:
    size = services.logs.size(row["id"])
    tail, _ = services.logs.part(row["id"], max(0, size - LOG_TAIL), whole=True)
    if not tail:
        return tag("p", "No log yet." if row["type"] != "CompletedJob" else "No log.", class_="soft")
    whole = f"/api/w/{quote(row['workspace_id'])}/jobs_u/get_logs/{quote(row['id'])}"
    more = tag("p", "The end of a long log; ", tag("a", "the whole log", href=whole), class_="soft")
    return join([tag("h2", title), more if size > LOG_TAIL else text(""), tag("pre", tail, class_="log")])


def _log_of(services: Services, run: Json, twig: Twig) -> Markup:
    row = {"id": twig.id, "workspace_id": run["workspace_id"], "type": "CompletedJob"}
    return _log(services, row, f"Log of {task_name(services, twig)}")
