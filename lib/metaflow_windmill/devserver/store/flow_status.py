"""What Windmill tells of a flow job's modules: rendered when asked, from the rows of the jobs below."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.store import approval_rows, flow_rows, job_rows, user_states
from metaflow_windmill.devserver.store.clock import iso
from metaflow_windmill.devserver.store.flow_rows import DEFAULT_BRANCH, ModuleRun

if TYPE_CHECKING:
    import sqlite3

    from metaflow_windmill.devserver.store.job_rows import JobRow
    from metaflow_windmill.types import Json

NOBODY = "00000000-0000-0000-0000-000000000000"
"""What stands where a module ended without a job."""

PREPROCESSOR = -1


def render(connection: sqlite3.Connection, job: JobRow) -> Json:
    """Return the ``flow_status`` of a flow job."""
    value = json.loads(job_rows.get_document(connection, job.document or ""))
    run = flow_rows.load_flow(connection, job.id)
    begun = flow_rows.load_modules(connection, job.id)
    names = [module["id"] for module in value["modules"]]
    if not names and 0 in begun:
        names = [begun[0].id]  # A flow without modules ends as if its failure module were the only one.
    states = user_states.every(connection, job.id)
    asked = {step for step, module in enumerate(value["modules"]) if _asks(module)}
    retry = {"fail_count": run.fail_count, "failed_jobs": [failed or NOBODY for failed in run.failed_jobs]}
    return {
        "step": run.step,
        "modules": [
            {
                **_module(connection, job.id, step, begun.get(step) or ModuleRun(id=name)),
                **(_approvers(connection, begun, step) if step in asked else {}),
            }
            for step, name in enumerate(names)
        ],
        "cleanup_module": {},
        "failure_module": _failure(connection, job.id, value, begun),
        "preprocessor_module": _preprocessor(connection, job.id, value, begun),
        **({"retry": retry} if run.fail_count or run.failed_jobs else {}),
        **({"user_states": states} if states else {}),
    }


def _asks(module: Json) -> bool:
    return bool((module.get("suspend") or {}).get("required_events"))


def _approvers(connection: sqlite3.Connection, begun: dict[int, ModuleRun], step: int) -> dict[str, Json]:
    """Return who answered a module that waits, once the one after it has begun."""
    asked, follows = begun.get(step), begun.get(step + 1)
    if asked is None or asked.skipped or follows is None or follows.waits or follows.job is None:
        return {}
    said = approval_rows.of_job(connection, asked.job or "")
    return {
        "approvers": [
            {"resume_id": answer.resume_id, "approver": answer.approver or "unknown"} for answer in said
        ]
    }


def _failure(connection: sqlite3.Connection, flow: str, value: Json, begun: dict[int, ModuleRun]) -> Json:
    name = (value.get("failure_module") or {}).get("id", "failure")
    step = len(value["modules"])
    run = begun.get(step) if step else None
    parent = {"parent_module": run.parent_module} if run and run.parent_module else {}
    return {**parent, **_module(connection, flow, step, run or ModuleRun(id=name))}


def _preprocessor(
    connection: sqlite3.Connection, flow: str, value: Json, begun: dict[int, ModuleRun]
) -> Json:
    module = value.get("preprocessor_module")
    if not module:
        return None
    run = begun.get(PREPROCESSOR) or ModuleRun(id=module["id"])
    return _module(connection, flow, PREPROCESSOR, run)


def _module(connection: sqlite3.Connection, flow: str, step: int, run: ModuleRun) -> dict[str, Json]:
    if run.type == "WaitingForPriorSteps":
        return {"type": run.type, "id": run.id}
    shown: dict[str, Json] = {"type": run.type, "id": run.id, "job": run.job or NOBODY}
    if run.type == "WaitingForExecutor":
        child = job_rows.load(connection, run.job or "")
        if child is not None and child.state != "queued":
            shown["type"] = "InProgress"
    if run.waits:
        return {**shown, "count": run.total}
    if run.has_list:
        shown |= _children(connection, flow, step, run)
    if run.branch is not None:
        shown["branch_chosen"] = _branch(run.branch)
    if run.failed_retries:
        shown["failed_retries"] = [failed or NOBODY for failed in run.failed_retries]
    if run.type == "Success":
        shown["skipped"] = run.skipped
    if run.in_progress:
        shown |= _progress(run)
    return shown


def _branch(number: int) -> Json:
    return {"type": "default"} if number == DEFAULT_BRANCH else {"type": "branch", "branch": number}


def _children(connection: sqlite3.Connection, flow: str, step: int, run: ModuleRun) -> dict[str, Json]:
    """Return the children of a loop or a branchall, in the order of their iterations."""
    rows = connection.execute(
        "SELECT id, outcome, started_at, completed_at FROM job"
        " WHERE parent = ? AND step = ? AND attempt = ? ORDER BY iteration",
        (flow, step, run.attempt),
    ).fetchall()
    durations = [None if row[1] is None else (row[3] - row[2]) // 1000 for row in rows]
    return {
        "flow_jobs": [row[0] for row in rows],
        "flow_jobs_success": [None if row[1] is None else row[1] in ("success", "skipped") for row in rows],
        "flow_jobs_duration": {
            "started_at": [None if row[1] is None else iso(row[2]) for row in rows],
            "duration_ms": durations,
        },
    }


def _progress(run: ModuleRun) -> dict[str, Json]:
    """Return how far a module with children is."""
    flags = {"parallel": run.parallel, "while_loop": run.shape == "while"}
    shown: dict[str, Json] = {name: True for name, on in flags.items() if on}
    index = run.done if run.parallel else max(run.started - 1, 0)
    if run.shape in ("loop", "while"):
        shown["iterator"] = {"index": index, "itered_len": run.total or 0}
    elif run.shape == "arms":
        shown["branchall"] = {"branch": index, "len": run.total or 0}
    return shown
