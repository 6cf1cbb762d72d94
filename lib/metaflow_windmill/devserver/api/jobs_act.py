"""What can be done to a job: cancel it, and keep small states with a flow run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.api.body import read_json
from metaflow_windmill.devserver.api.jobs_read import job_of
from metaflow_windmill.devserver.api.replies import as_json, as_text
from metaflow_windmill.devserver.api.routing import Endpoint, W
from metaflow_windmill.devserver.refusals import bad_request, there
from metaflow_windmill.devserver.release import RUN_NOW, WORKER_IS_DRAINING
from metaflow_windmill.devserver.store import jobs, user_states

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.devserver.api.call import Call


def cancel(call: Call) -> Response:
    """Cancel a job and everything below it."""
    return _cancel(call, force=False)


def force_cancel(call: Call) -> Response:
    """Cancel a job and everything below it without waiting for its workers."""
    return _cancel(call, force=True)


def run_now(call: Call) -> Response:
    """Start a job that waits for its time."""
    job_id = job_of(call)["id"]
    if not call.services.engine.start_now(job_id):
        raise bad_request(f"Job {job_id} does not wait for a later time")
    return as_text(job_id)


def worker_is_draining(call: Call) -> Response:
    """Tell whether the worker that runs a job takes no other one any more."""
    return as_json(call.services.workers.drains(job_of(call)["id"]))


def get_state(call: Call) -> Response:
    """Show a state of a flow run; null where there is none."""
    flow = job_of(call)["id"]
    return as_json(user_states.get(call.services.database.read(), flow, call.path["key"]))


def set_state(call: Call) -> Response:
    """Set a state of a flow run; its expressions read it as ``flow_user_state(key)``."""
    flow, value = job_of(call)["id"], read_json(call.body)
    call.write(user_states.put, flow, call.path["key"], value)
    return as_text("", 200)


def _cancel(call: Call, *, force: bool) -> Response:
    job_id = call.job_id()
    row = there(jobs.get_job(call.services.database, call.workspace, job_id), f"Job {job_id} not found")
    reason = (call.fields() if call.body else {}).get("reason")
    engine = call.services.engine
    act = engine.force_cancel if force else engine.cancel
    if row["type"] == "CompletedJob" or not act(job_id, call.who.username, reason):
        return as_text(f"queued job id {job_id} is already completed")
    return as_text(job_id)


ENDPOINTS = (
    Endpoint("POST", W + "/jobs_u/queue/cancel/{id}", cancel),
    Endpoint("POST", W + "/jobs_u/queue/force_cancel/{id}", force_cancel),
    Endpoint("POST", W + "/jobs/queue/run_now/{id}", run_now, since=RUN_NOW),
    Endpoint("GET", W + "/jobs/worker_is_draining/{id}", worker_is_draining, since=WORKER_IS_DRAINING),
    Endpoint("GET", W + "/jobs/flow/user_states/{id}/{key}", get_state),
    Endpoint("POST", W + "/jobs/flow/user_states/{id}/{key}", set_state),
)
