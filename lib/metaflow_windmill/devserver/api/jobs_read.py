"""``/jobs_u/get...``: one job, its arguments, logs and result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.api.replies import as_json, as_text
from metaflow_windmill.devserver.api.routing import Endpoint, W
from metaflow_windmill.devserver.refusals import not_found, there
from metaflow_windmill.devserver.store import job_rows, jobs

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.devserver.api.call import Call
    from metaflow_windmill.types import Json


def get(call: Call) -> Response:
    """Show a job with its arguments, result, logs and code."""
    database, row = call.services.database, job_of(call)
    full = {**row, "args": jobs.args(database, row["id"])}
    if row["type"] == "CompletedJob":
        full["result"] = jobs.result(database, row["id"])
    if not call.flag("no_logs"):
        full["logs"] = call.services.logs.read(row["id"])
    return as_json({**full, **_code(call, row["id"])})


def get_args(call: Call) -> Response:
    """Show a job's arguments."""
    return as_json(jobs.args(call.services.database, job_of(call)["id"]))


def get_logs(call: Call) -> Response:
    """Show a job's log."""
    return as_text(call.services.logs.read(job_of(call)["id"]))


def get_root(call: Call) -> Response:
    """Show the job at the top of a job's tree."""
    return as_json(job_of(call).get("root_job") or call.path["id"])


def get_completed(call: Call) -> Response:
    """Show a job that has ended."""
    row = completed_of(call)
    database = call.services.database
    return as_json(
        {**row, "args": jobs.args(database, row["id"]), "result": jobs.result(database, row["id"])}
    )


def get_result(call: Call) -> Response:
    """Show the result of a job that has ended."""
    return as_json(jobs.result(call.services.database, completed_of(call)["id"]))


def get_result_maybe(call: Call) -> Response:
    """Show whether a job has ended, and its result if so; an unknown job counts as one that has not."""
    row = jobs.get_job(call.services.database, call.workspace, call.job_id())
    if row is None:
        return as_json({"started": None, "success": None, "completed": False, "result": None})
    if row["type"] != "CompletedJob":
        started = bool(row.get("running")) if call.flag("get_started") else None
        return as_json({"started": started, "success": None, "completed": False, "result": None})
    success = bool(row["success"]) and not row["is_skipped"]
    result = jobs.result(call.services.database, row["id"])
    return as_json({"started": True, "success": success, "completed": True, "result": result})


def get_step_result(call: Call) -> Response:
    """Show the result of one step of a flow job."""
    row = job_of(call)
    result = jobs.result_by_id(call.services.database, row["id"], call.path["step"])
    for part in filter(None, (call.query.get("json_path") or "").split(".")):
        result = result.get(part) if isinstance(result, dict) else None
    return as_json(result)


def job_of(call: Call) -> Json:
    """Return the job that the route names.

    Raises
    ------
    RequestRefused
        404 if it is not in this workspace.
    """
    row = jobs.get_job(call.services.database, call.workspace, call.job_id())
    return there(row, f"Job not found at name {call.path['id']}")


def completed_of(call: Call) -> Json:
    """Return the job that the route names, which must have ended.

    Raises
    ------
    RequestRefused
        404 otherwise.
    """
    row = job_of(call)
    if row["type"] != "CompletedJob":
        raise not_found(f"Completed job not found at name {row['id']}")
    return row


def _code(call: Call, job_id: str) -> dict[str, Json]:
    """Return the script or the flow that a job runs; ``no_code`` leaves out scripts and blanks a flow's."""
    connection = call.services.database.read()
    job = job_rows.load(connection, job_id)
    if job is None or job.document is None:
        return {}
    text = job_rows.get_document(connection, job.document)
    if job.is_flow:
        flow = json.loads(text)
        return {"raw_flow": blanked(flow) if call.flag("no_code") else flow}
    return {} if call.flag("no_code") else {"raw_code": text}


def blanked(value: Json) -> Json:
    """Return a flow value with the texts and the locks of its scripts left out."""
    if isinstance(value, list):
        return [blanked(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "rawscript":
        return {**value, **{name: "..." for name in ("content", "lock") if name in value}}
    return {key: blanked(inner) for key, inner in value.items()}


ENDPOINTS = (
    Endpoint("GET", W + "/jobs_u/get/{id}", get),
    Endpoint("GET", W + "/jobs_u/get_args/{id}", get_args),
    Endpoint("GET", W + "/jobs_u/get_logs/{id}", get_logs),
    Endpoint("GET", W + "/jobs_u/get_root_job_id/{id}", get_root),
    Endpoint("GET", W + "/jobs_u/completed/get/{id}", get_completed),
    Endpoint("GET", W + "/jobs_u/completed/get_result/{id}", get_result),
    Endpoint("GET", W + "/jobs_u/completed/get_result_maybe/{id}", get_result_maybe),
    Endpoint("GET", W + "/jobs/result_by_id/{id}/{step}", get_step_result),
)
