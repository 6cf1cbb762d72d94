"""Following a job while it runs: what is new since the last look, as one answer or as a stream of events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from metaflow_windmill.devserver.api import awaited_results
from metaflow_windmill.devserver.api.jobs_read import job_of
from metaflow_windmill.devserver.api.replies import as_json, as_text
from metaflow_windmill.devserver.api.routing import Endpoint, W
from metaflow_windmill.devserver.store import jobs
from metaflow_windmill.errors import RequestRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.responses import Response

    from metaflow_windmill.devserver.api.call import Call
    from metaflow_windmill.devserver.api.services import Services
    from metaflow_windmill.types import Json

HEARTBEAT = 15.0
"""Seconds without news after which a stream says that it is alive."""


def get_update(call: Call) -> Response:
    """Show what is new of a job since an offset of its log."""
    return as_json(update_of(call.services, job_of(call), call.integer("log_offset") or 0))


async def stream_updates(call: Call) -> Response:
    """Send what is new of a job as server-sent events until it ends."""
    row = await run_in_threadpool(job_of, call)
    events = _events(call, row["id"], call.integer("log_offset") or 0)
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


def get_all_logs(call: Call) -> Response:
    """Show the logs of a flow job and of everything below it."""
    return as_text("".join(_all_logs(call.services, job_of(call))))


def update_of(services: Services, row: Json, offset: int) -> Json:
    """Return what is new of a job since an offset of its log."""
    completed = row["type"] == "CompletedJob"
    new, next_offset = services.logs.part(row["id"], offset, whole=completed)
    return {
        "running": not completed and bool(row.get("running")),
        "completed": completed,
        "new_logs": new,
        "log_offset": next_offset,
        "mem_peak": row.get("mem_peak"),
        **({"flow_status": row["flow_status"]} if row.get("flow_status") else {}),
    }


def event(value: Json) -> str:
    """Write a server-sent event."""
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


async def _events(call: Call, job_id: str, offset: int) -> AsyncIterator[str]:
    services, before = call.services, None
    with services.engine.changes.subscribe(job_id) as subscription:
        while True:
            row = await run_in_threadpool(jobs.get_job, services.database, call.workspace, job_id)
            if row is None:
                yield event({"type": "notfound"})
                return
            news = await run_in_threadpool(update_of, services, row, offset)
            if news["new_logs"] or news != before:
                yield event({"type": "update", **news})
            offset, before = news["log_offset"], {**news, "new_logs": ""}
            if news["completed"]:
                return
            try:
                if not await awaited_results.news(call, subscription, HEARTBEAT):
                    yield event({"type": "ping"})
            except (awaited_results.HungUp, RequestRefused):
                return


def _all_logs(services: Services, row: Json, step: str | None = None) -> Iterator[str]:
    title = "Flow" if step is None else f"Step {step}"
    yield f"\n=== {title} (Job: {row['id']}) ===\n{services.logs.read(row['id'])}\n"
    for child in jobs.children(services.database, row["id"]):
        yield from _all_logs(services, child, _step(child))


def _step(row: Json) -> str:
    return str(row.get("flow_step_id") or (row.get("script_path") or "").rpartition("/")[2])


ENDPOINTS = (
    Endpoint("GET", W + "/jobs_u/getupdate/{id}", get_update),
    Endpoint("GET", W + "/jobs_u/getupdate_sse/{id}", stream_updates),
    Endpoint("GET", W + "/jobs_u/get_flow_all_logs/{id}", get_all_logs),
)
