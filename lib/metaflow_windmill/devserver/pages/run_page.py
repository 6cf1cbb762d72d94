"""The page of one run, in parts that can be put in anew while it runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from metaflow_windmill.devserver.pages import (
    detail,
    layout,
    question_forms,
    steps,
    timeline,
    worker_warnings,
)
from metaflow_windmill.devserver.pages.graph import GraphPart, Run, bodies, nodes, title_of
from metaflow_windmill.devserver.pages.job_progress import Tree, grown
from metaflow_windmill.devserver.pages.markup import Markup, join, tag, text
from metaflow_windmill.devserver.store import flow_rows, job_rows, jobs, trees
from metaflow_windmill.devserver.store.clock import now
from metaflow_windmill.openflow import FlowValue, Module, read_flow_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from metaflow_windmill.devserver.api.services import Services
    from metaflow_windmill.devserver.store.trees import Twig
    from metaflow_windmill.types import Json

SHOWN_FAILURES = 20
SECOND = 1_000_000
RUNNABLE = {"flow": "flows", "script": "scripts"}


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
    database = services.database
    row = jobs.get_job(database, shown.workspace, shown.run, with_status=False)
    if row is None:
        return {}
    tree = grown(trees.load(database.read(), row.get("root_job") or shown.run))
    chosen = jobs.get_job(database, shown.workspace, shown.job, with_status=False) if shown.job else row
    below = tuple(tree.under(shown.run))
    failed = [twig for twig in below if twig.for_worker and twig.outcome == "failure"]
    part = part_of(services, shown.run)
    made = {
        "head": join(
            [
                _head(row, tree, keeps=_keeps(services, part)),
                worker_warnings.of_run(services, below or _alone(tree, shown.run)),
            ]
        )
    }
    asked = question_forms.of_run(
        services, row.get("root_job") or shown.run, {shown.run, *(twig.id for twig in below)}
    )
    if asked is not None:
        made["asks"] = asked
    if part.flow is not None:
        drawn = nodes(part, Run(tree, partial(part_of, services)))
        made["graph"] = join([tag("h2", "Steps"), steps.graph(drawn, shown.run, shown.job)])
        bars = timeline.drawn(_everything(tree, shown.run), titles(part.flow), now())
        if bars:
            made["timeline"] = join([tag("h2", "Timeline"), bars])
    if failed:
        made["failures"] = _failures(services, failed, shown)
    made["detail"] = detail.shown(services, chosen or row, tree, first_failed=failed[:1])
    return made


def part_of(services: Services, job_id: str) -> GraphPart:
    """Return a flow job with what its modules became."""
    connection = services.database.read()
    job = job_rows.load(connection, job_id)
    if job is None or not job.is_flow or job.document is None:
        return GraphPart(job_id)
    flow = read_flow_value(json.loads(job_rows.get_document(connection, job.document)))
    return GraphPart(job_id, flow, flow_rows.load_modules(connection, job_id))


def titles(flow: FlowValue) -> dict[str, str]:
    """Return what the modules of a flow are called, at any depth, in its order."""
    return {module.id: title_of(module) for module in _modules(flow.modules)}


def has_ended(services: Services, shown: Shown) -> bool:
    """Tell whether the run will not change any more."""
    job = job_rows.load(services.database.read(), shown.run)
    return job is None or job.completed


def _modules(modules: Sequence[Module]) -> Iterator[Module]:
    for module in modules:
        yield module
        for _, body in bodies(module):
            yield from _modules(body)


def _alone(tree: Tree, run: str) -> tuple[Twig, ...]:
    return (tree.twigs[run],) if run in tree.twigs else ()


def _everything(tree: Tree, run: str) -> Iterator[Twig]:
    """Go through all jobs below a run, failed attempts too."""
    inside = {run}
    for twig in tree.twigs.values():
        if twig.parent in inside:
            inside.add(twig.id)
            yield twig


def _keeps(services: Services, part: GraphPart) -> bool:
    """Tell whether the run may keep something outside of Windmill."""
    return services.keeper is not None and part.flow is not None and bool(part.flow.flow_env)


def _head(row: Json, tree: Tree, *, keeps: bool) -> Markup:
    parent, told = row.get("parent_job"), tree.told.get(row["id"])
    began, ended = (told.began, told.ended) if told else (None, None)
    waited = None if began is None else began - tree.twigs[row["id"]].created_at
    facts = layout.facts(
        state=layout.state(tree.state(row["id"])),
        started=layout.when(row.get("started_at")),
        took=layout.took(began, ended),
        waited=layout.duration(waited / SECOND) if waited and waited > SECOND else None,
        by=row.get("created_by"),
        kind=row["job_kind"],
        tag=row["tag"] if row["tag"] not in ("flow", "python3") else None,
        canceled_by=row.get("canceled_by"),
        schedule=row.get("schedule_path"),
        part_of=layout.run_link(parent, parent[:8]) if parent else None,
        id=row["id"],
    )
    name = row.get("script_path") or row["job_kind"]
    return join([tag("h1", name, layout.labels(row.get("labels") or ())), facts, _acts(row, keeps=keeps)])


def _acts(row: Json, *, keeps: bool) -> Markup:
    """Return what can be done with a run: end it, see what it ran, run that again."""
    made = []
    kind = RUNNABLE.get(row["job_kind"])
    if kind and row.get("script_path"):
        where = f"/{kind}/get/{row['script_path']}"
        made.append(tag("a", "Its page", href=layout.inside(where, row["workspace_id"])))
        again = layout.inside(where, row["workspace_id"], **{"from": row["id"]})
        made.append(tag("a", "Run again", href=f"{again}#form"))
    if keeps and row.get("parent_job") is None:
        made.append(tag("a", "Artifacts and cards", href=f"/run/{quote(row['id'])}/kept"))
    if row["type"] != "CompletedJob":
        button = tag("button", "Cancel", type="submit")
        made.append(tag("form", button, method="post", action=f"/run/{quote(row['id'])}/cancel"))
    return tag("div", *made, class_="acts") if made else text("")


def _failures(services: Services, failed: Sequence[Twig], shown: Shown) -> Markup:
    """Return what failed, each with its error in a line and its log one click away."""
    lines = [
        tag(
            "li",
            steps.job_link(shown.run, twig.id, detail.task_name(services, twig)),
            tag("span", detail.error_line(services, twig.id), class_="soft"),
        )
        for twig in failed[:SHOWN_FAILURES]
    ]
    rest = len(failed) - SHOWN_FAILURES
    more = tag("p", f"… and {rest} more.", class_="soft") if rest > 0 else text("")
    return join([tag("h2", f"{len(failed)} failed"), tag("ul", *lines, class_="failures"), more])
