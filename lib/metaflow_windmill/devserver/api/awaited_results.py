"""Waits for a job to end, and turns its result into an answer."""

from __future__ import annotations

import base64
import binascii
import json
import math
import time
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from metaflow_windmill.devserver.api.replies import as_json
from metaflow_windmill.devserver.refusals import bad_request
from metaflow_windmill.devserver.store import jobs
from metaflow_windmill.errors import RequestRefused

if TYPE_CHECKING:
    from metaflow_windmill.devserver.api.call import Call
    from metaflow_windmill.devserver.engine.changes import ChangeListener
    from metaflow_windmill.types import Json

LONGEST = 600.0
"""Seconds that a caller waits for a result, as on a real server."""

LOOK_UP = 0.5
"""Seconds between two looks at whether the caller is still there."""

SHAPE = ("windmill_status_code", "windmill_content_type", "windmill_headers")


class HungUp(Exception):
    """The caller has closed the connection."""


async def wait_result(call: Call, job_id: str) -> Response:
    """Answer with a job's result when it has ended; the job is canceled if the caller hangs up.

    Raises
    ------
    RequestRefused
        400 if it has not ended after ten minutes, 503 if the server ends first; the job runs on then.
    """
    try:
        row = await ended(call, job_id)
    except HungUp:
        await run_in_threadpool(
            call.services.engine.cancel, job_id, call.who.username, "http connection broke"
        )
        return Response(status_code=499)
    result = await run_in_threadpool(jobs.result, call.services.database, job_id)
    return shaped(result, success=bool(row["success"]))


def shaped(result: Json, *, success: bool) -> Response:
    """Turn a result into an answer; keys such as ``windmill_status_code`` in it shape the answer.

    Raises
    ------
    RequestRefused
        400 if those keys do not make sense.
    """
    status = 200 if success else 422
    if not isinstance(result, dict) or not any(result.get(key) is not None for key in SHAPE):
        return as_json(result, status)
    status = result.get("windmill_status_code") or (status if "result" in result or not success else 204)
    headers = {str(key): str(value) for key, value in (result.get("windmill_headers") or {}).items()}
    if not isinstance(status, int) or not 100 <= status <= 599:  # noqa: PLR2004 - the range of HTTP
        raise bad_request(f"windmill_status_code: {status!r} is not an HTTP status")
    media_type = result.get("windmill_content_type")
    if media_type is None:
        body = json.dumps(result["result"]) if "result" in result else ""
        return Response(body, status, headers, media_type="application/json" if body else None)
    return Response(_content(result), status, headers, media_type=media_type)


async def ended(call: Call, job_id: str) -> Json:
    """Wait until a job has ended, and return its row.

    Raises
    ------
    HungUp
    RequestRefused
        As `wait_result` says.
    """
    deadline = time.monotonic() + LONGEST
    with call.services.engine.changes.subscribe(job_id) as subscription:
        while True:
            row = await run_in_threadpool(jobs.get_job, call.services.database, call.workspace, job_id)
            if row is not None and row["type"] == "CompletedJob":
                return row
            if time.monotonic() > deadline:
                raise RequestRefused(f"ExecutionErr: timeout after {LONGEST:.0f}s", 400)
            await news(call, subscription)


async def news(call: Call, subscription: ChangeListener, timeout: float = LONGEST) -> bool:
    """Wait for a change, and tell whether there was one.

    Raises
    ------
    HungUp
        If the caller has gone.
    RequestRefused
        503 if the server ends.
    """
    for _ in range(math.ceil(timeout / LOOK_UP)):
        if await subscription.changed(LOOK_UP):
            return True
        if call.services.closing.is_set():
            raise RequestRefused("the embedded server is ending; ask again when it is back", 503)
        if await call.gone():
            raise HungUp
    return False


def _content(result: Json) -> bytes:
    content = result.get("result")
    text = content if isinstance(content, str) else ("" if content is None else json.dumps(content))
    if result.get("windmill_content_transfer_encoding") != "base64":
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as fault:
        raise bad_request("windmill_content_transfer_encoding is base64, but the result is not") from fault
