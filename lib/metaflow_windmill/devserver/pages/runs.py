"""Lists of runs, and what is said of a flow or a script beside its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.pages import layout
from metaflow_windmill.devserver.pages.job_progress import grown
from metaflow_windmill.devserver.pages.markup import Markup, join
from metaflow_windmill.devserver.store import jobs, trees

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow_windmill.devserver.store.database import Database
    from metaflow_windmill.types import Json

RUNS_SHOWN = 50
RUN_KINDS = ("flow", "flowpreview", "script", "preview")


def latest(database: Database, workspace: str, path: str | None = None) -> list[Json]:
    """Return the latest runs of a workspace, or of one flow or script."""
    wanted = jobs.JobFilters(path_exact=path, has_null_parent=True, kinds=RUN_KINDS, per_page=RUNS_SHOWN)
    return jobs.list_jobs(database, workspace, wanted)


def table(database: Database, rows: Sequence[Json], *, of: bool = True) -> Markup:
    """Return runs as a table; with what they are runs of, unless that is the same for all."""
    head = ["State", "Run", *(["Of"] if of else []), "By", "Started", "Took"]
    return layout.table(head, [_cells(database, row, of=of) for row in rows], "Nothing has run yet.")


def state_of(database: Database, row: Json) -> str:
    """Return the state of a run in one word: one whose tasks all wait for a worker is queued."""
    if row["type"] != "CompletedJob":
        connection = database.read()
        return grown(trees.load(connection, row.get("root_job") or row["id"])).state(row["id"])
    if row.get("canceled"):
        return "canceled"
    if row.get("is_skipped"):
        return "skipped"
    return "success" if row.get("success") else "failure"


def _cells(database: Database, row: Json, *, of: bool) -> list[Markup | str | None]:
    state = state_of(database, row)
    what = join([row.get("script_path") or row["job_kind"], layout.labels(row.get("labels") or ())])
    return [
        layout.state(state),
        layout.run_link(row["id"], row["id"][:8]),
        *([what] if of else []),
        row.get("created_by"),
        layout.when(row.get("started_at") or row.get("created_at")),
        "" if state == "queued" else took(row),
    ]


def took(row: Json) -> Markup:
    """Return how long a run took, or has been taking so far."""
    began = layout.micros(row.get("started_at"))
    return layout.took(began, layout.micros(row.get("completed_at")))
