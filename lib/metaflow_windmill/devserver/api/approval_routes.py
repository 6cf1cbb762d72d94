"""Flows that wait for people: what they are asked, and what they say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.api.auth import identity
from metaflow_windmill.devserver.api.body import read_json
from metaflow_windmill.devserver.api.jobs_read import job_of
from metaflow_windmill.devserver.api.replies import as_json, as_text
from metaflow_windmill.devserver.api.routing import Endpoint, W
from metaflow_windmill.devserver.catalog import folders
from metaflow_windmill.devserver.catalog.scopes import ASKED, Need
from metaflow_windmill.devserver.engine.answering import waits
from metaflow_windmill.devserver.refusals import bad_request, denied, not_found, there
from metaflow_windmill.devserver.store import approval_rows, job_rows, jobs
from metaflow_windmill.devserver.store.approval_rows import Answer
from metaflow_windmill.errors import RequestRefused

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.devserver.api.call import Call
    from metaflow_windmill.devserver.api.services import Services
    from metaflow_windmill.devserver.catalog.tokens import Bearer
    from metaflow_windmill.devserver.store.job_rows import JobRow
    from metaflow_windmill.types import Json

CREATED = 201
GONE = "Error: parent flow job not found @jobs.rs:5168:16"
NOT_WAITING = "Error: the flow is not in a suspended state anymore @jobs.rs:5217:77"
"""What a real 1.788 says, with status 500."""


@dataclass(frozen=True)
class ApprovalForm:
    """What a flow job asks people, as its module says it; empty where it asks nothing."""

    form: Json = None
    description: Json = None
    login: bool = False
    others_only: bool = False
    hide_cancel: bool = False


def answer(call: Call) -> Response:
    """Take a yes or a no, with what was filled in."""
    said = call.fields()
    call.require_route("GET", ASKED)
    approved = said.get("approved")
    word = Answer(approved is None or bool(approved), said.get("payload"), call.who.username)
    return _answered(call, word)


def answer_as_owner(call: Call) -> Response:
    """Take a yes of somebody who owns the flow's path."""
    job = _waiting(call)
    if not may_write(call.services, call.bearer, job):
        raise denied(f"{call.who.username} is not the owner of {job.path}")
    call.require(Need("jobs", "run", "flows", job.path))
    value = read_json(call.body) if call.body else None
    return _answered(call, Answer(approved=True, value=value, approver=call.who.username))


def info(call: Call) -> Response:
    """Show what a flow job asks, and whether the caller may answer."""
    services, row = call.services, job_of(call)
    job = there(job_rows.load(services.database.read(), row["id"]), f"Job {row['id']} not found")
    asked, module = asked_by(services, job), waits(services.database.read(), job.id)
    said = approval_rows.of_job(services.database.read(), module.job or "") if module else []
    optional = {"form_schema": asked.form, "description": asked.description}
    return as_json(
        {
            "flow_id": job.id,
            **{name: value for name, value in optional.items() if value is not None},
            "can_approve": why_not(services, call.bearer, job, asked) is None,
            "user_auth_required": asked.login,
            "hide_cancel": asked.hide_cancel,
            "approvers": [
                {"resume_id": one.resume_id, "approver": one.approver or "anonymous"} for one in said
            ],
        }
    )


def asked_by(services: Services, job: JobRow) -> ApprovalForm:
    """Return what a flow job asks people now."""
    connection = services.database.read()
    module = waits(connection, job.id)
    if module is None or job.document is None:
        return ApprovalForm()
    modules = json.loads(job_rows.get_document(connection, job.document))["modules"]
    place = next(place for place, written in enumerate(modules) if written["id"] == module.id)
    rules = modules[place - 1].get("suspend") or {}
    result = jobs.result(services.database, module.job or "")
    told = result.get("description") if isinstance(result, dict) else None
    flags = [bool(rules.get(n)) for n in ("user_auth_required", "self_approval_disabled", "hide_cancel")]
    return ApprovalForm(rules.get("resume_form"), told, *flags)


def why_not(services: Services, bearer: Bearer, job: JobRow, asked: ApprovalForm) -> RequestRefused | None:
    """Return why somebody may not answer; None if they may."""
    if identity(services, bearer, job.workspace).is_admin:
        return None
    if asked.others_only and bearer.email == job.identity.email:
        return denied("Self-approval is disabled for this flow step")
    if asked.login and not may_write(services, bearer, job):
        return bad_request("Approvals for logged in users is an enterprise only feature")
    return None


def may_write(services: Services, bearer: Bearer, job: JobRow) -> bool:
    """Tell whether somebody owns the path of a flow."""
    kind, _, rest = (job.path or "").partition("/")
    name = rest.partition("/")[0]
    if identity(services, bearer, job.workspace).is_admin or (kind == "u" and name == bearer.username):
        return True
    reading = services.database.read()
    if kind != "f" or not folders.exists(reading, job.workspace, name):
        return False
    return f"u/{bearer.username}" in folders.get(reading, job.workspace, name)["owners"]


def _answered(call: Call, word: Answer) -> Response:
    job = _waiting(call)
    refusal = why_not(call.services, call.bearer, job, asked_by(call.services, job))
    if refusal is not None:
        raise refusal
    if not call.services.engine.answer(job.id, word):
        raise RequestRefused(NOT_WAITING, 500)
    return as_text("", CREATED)


def _waiting(call: Call) -> JobRow:
    """Return the flow job that waits.

    Raises
    ------
    RequestRefused
        In the words and with the status of a real server.
    """
    job = job_rows.load(call.services.database.read(), call.job_id())
    if job is None or job.completed:
        raise RequestRefused(GONE, 500)
    if job.workspace != call.workspace:
        raise not_found("Job not found in this workspace")
    if waits(call.services.database.read(), job.id) is None:
        raise RequestRefused(NOT_WAITING, 500)
    return job


ENDPOINTS = (
    Endpoint("POST", W + "/jobs_u/flow/resume_suspended/{id}", answer),
    Endpoint("GET", W + "/jobs_u/flow/approval_info/{id}", info),
    Endpoint("POST", W + "/jobs/flow/resume/{id}", answer_as_owner),
)
