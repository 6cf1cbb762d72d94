"""``/jobs/list`` and its two halves: what has not ended, and what has."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.api.replies import as_json
from metaflow_windmill.devserver.api.routing import Endpoint, W
from metaflow_windmill.devserver.refusals import bad_request
from metaflow_windmill.devserver.store import jobs
from metaflow_windmill.devserver.store.clock import from_datetime, now

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.devserver.api.call import Call
    from metaflow_windmill.types import Json


def list_all(call: Call) -> Response:
    """Show jobs, the newest first."""
    return as_json(jobs.list_jobs(call.services.database, call.workspace, filters(call)))


def list_queue(call: Call) -> Response:
    """Show the jobs that have not ended; as on a real server, not what they are a part of."""
    asked = replace(filters(call), completed=False)
    rows = jobs.list_jobs(call.services.database, call.workspace, asked)
    return as_json([{key: value for key, value in row.items() if key != "parent_job"} for row in rows])


def list_completed(call: Call) -> Response:
    """Show the jobs that have ended."""
    asked = replace(filters(call), completed=True)
    return as_json(jobs.list_jobs(call.services.database, call.workspace, asked))


def count_queue(call: Call) -> Response:
    """Show how many jobs wait to run."""
    waiting = jobs.JobFilters(completed=False, running=False, per_page=10_000)
    return as_json({"database_length": len(jobs.list_jobs(call.services.database, call.workspace, waiting))})


def filters(call: Call) -> jobs.JobFilters:
    """Read which jobs the query asks for.

    Raises
    ------
    RequestRefused
        400 if a filter is not valid.
    """
    query, (limit, offset) = call.query, call.page()
    success, running = call.choice("success"), call.choice("running")
    return jobs.JobFilters(
        path_exact=query.get("script_path_exact"),
        path_start=query.get("script_path_start"),
        created_by=query.get("created_by"),
        created_before=_micros(call, "created_before"),
        created_after=_micros(call, "created_after"),
        started_before=_micros(call, "started_before"),
        started_after=_micros(call, "started_after"),
        completed_before=_micros(call, "completed_before"),
        completed_after=_micros(call, "completed_after"),
        parent=call.uuid("parent_job"),
        kinds=tuple(filter(None, query.get("job_kinds", "").split(","))),
        running=running,
        success=success,
        outcome=query.get("status"),
        is_flow_step=call.choice("is_flow_step"),
        has_null_parent=call.choice("has_null_parent"),
        suspended=call.choice("suspended"),
        label=query.get("label"),
        tag=query.get("tag"),
        schedule_path=query.get("schedule_path"),
        args=_subset(query.get("args"), "args"),
        result=_subset(query.get("result"), "result"),
        due_before=now() if call.choice("scheduled_for_before_now") else None,
        oldest_first=call.choice("order_desc") is False,
        page=1 + offset // limit,
        per_page=limit,
    )


def _micros(call: Call, name: str) -> int | None:
    instant = call.instant(name)
    return None if instant is None else from_datetime(instant)


def _subset(text: str | None, name: str) -> Json:
    """Read a part of the arguments or the result that jobs must have: JSON, or base64 of it."""
    if text is None:
        return None
    try:
        return json.loads(text if text.lstrip().startswith(("{", "[", '"')) else base64.b64decode(text))
    except ValueError as fault:
        raise bad_request(f"{name}: not a JSON value") from fault


ENDPOINTS = (
    Endpoint("GET", f"{W}/jobs/list", list_all),
    Endpoint("GET", f"{W}/jobs/queue/list", list_queue),
    Endpoint("GET", f"{W}/jobs/queue/count", count_queue),
    Endpoint("GET", f"{W}/jobs/completed/list", list_completed),
)
