"""``/jobs/run...``: start what is deployed, or what the request brings along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from metaflow_windmill.devserver.api import runnables
from metaflow_windmill.devserver.api.awaited_results import wait_result
from metaflow_windmill.devserver.api.body import OBJECT
from metaflow_windmill.devserver.api.flow_routes import check_value
from metaflow_windmill.devserver.api.replies import as_text
from metaflow_windmill.devserver.api.routing import Endpoint, Handler, W
from metaflow_windmill.devserver.model import RunnableFlow, ScriptCode, Submission

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response

    from metaflow_windmill.devserver.api.call import Call


def deployed(find: Callable[[Call], runnables.Runnable]) -> Callable[[Call], Submission]:
    """Return how a request for something deployed becomes a job."""
    return lambda call: runnables.submission_of(call, find(call))


def preview(call: Call) -> Submission:
    """Return the job of a script that the request brings along."""
    asked = call.fields("content")
    code = ScriptCode(
        content=asked["content"],
        language=asked.get("language") or "python3",
        lock=asked.get("lock") or None,
        path=asked.get("path") or "",
        tag=asked.get("tag") or None,
    )
    return runnables.with_options(
        call, Submission("preview", call.who, asked.get("args") or {}, code.path, code, tag=code.tag)
    )


def preview_flow(call: Call) -> Submission:
    """Return the job of a flow that the request brings along."""
    asked = call.fields("value", value=OBJECT)
    check_value(asked["value"])
    flow = RunnableFlow(asked.get("path") or "", 0, asked["value"], tag=asked.get("tag") or None)
    job = Submission("flowpreview", call.who, asked.get("args") or {}, flow.path, flow=flow, tag=flow.tag)
    return runnables.with_options(call, job)


def start(make: Callable[[Call], Submission]) -> Callable[[Call], Response]:
    """Return a handler that starts a job and answers with its id."""

    def handler(call: Call) -> Response:
        return as_text(call.services.engine.submit(make(call)), 201)

    return handler


def start_and_wait(make: Callable[[Call], Submission]) -> Callable[[Call], Awaitable[Response]]:
    """Return a handler that starts a job and answers with its result."""

    async def handler(call: Call) -> Response:
        asked = await run_in_threadpool(make, call)
        job_id = await run_in_threadpool(call.services.engine.submit, asked)
        return await wait_result(call, job_id)

    return handler


def _both(path: str, make: Callable[[Call], Submission], waits: str = "POST") -> list[Endpoint]:
    waiting: Handler = start_and_wait(make)
    return [
        Endpoint("POST", f"{W}/jobs/run/{path}", start(make)),
        Endpoint(waits, f"{W}/jobs/run_wait_result/{path}", waiting),
    ]


ENDPOINTS = (
    *_both("f/{path:path}", deployed(runnables.flow_by_path), "GET POST"),
    *_both("fv/{version}", deployed(runnables.flow_by_version), "GET POST"),
    *_both("p/{path:path}", deployed(runnables.script_by_path), "GET POST"),
    *_both("h/{hash}", deployed(runnables.script_by_hash), "GET POST"),
    *_both("preview", preview),
    *_both("preview_flow", preview_flow),
)
