"""``/http_triggers``, and the routes that they open under ``/api/r``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from metaflow_windmill.devserver.api.auth import bearer_of, identity, said_token_of
from metaflow_windmill.devserver.api.awaited_results import wait_result
from metaflow_windmill.devserver.api.replies import as_json, as_text
from metaflow_windmill.devserver.api.request_arguments import main_arguments, read_payload
from metaflow_windmill.devserver.api.routing import Endpoint, W
from metaflow_windmill.devserver.api.runnables import Runnable, base_submission
from metaflow_windmill.devserver.api.views import changes, lists_below, shows
from metaflow_windmill.devserver.catalog import triggers
from metaflow_windmill.devserver.catalog.scopes import Need
from metaflow_windmill.devserver.catalog.signatures import check_basic, check_key, check_signature
from metaflow_windmill.devserver.model import Actor
from metaflow_windmill.devserver.refusals import there

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.devserver.api.call import Call
    from metaflow_windmill.devserver.catalog.triggers import Trigger
    from metaflow_windmill.devserver.model import Submission
    from metaflow_windmill.types import Json

REQUIRED = (
    *("path", "script_path", "route_path", "is_flow", "http_method", "request_type"),
    "authentication_method",
)
"""What a new trigger must say."""

CHECKS = {
    "signature": lambda resource, call: check_signature(resource, call.headers, call.body),
    "api_key": lambda resource, call: check_key(resource, call.headers),
    "basic_http": lambda resource, call: check_basic(resource, call.headers),
}


def create(call: Call) -> Response:
    """Make a trigger."""
    asked = call.fields(*REQUIRED)
    call.require(Need("http_triggers", "write", path=asked["path"]))
    return as_text(call.write(triggers.create, call.who, asked), 201)


def update(call: Call) -> Response:
    """Change a trigger."""
    return as_text(call.write(triggers.update, call.who, call.path["path"], call.fields()))


def set_mode(call: Call) -> Response:
    """Switch a trigger on or off."""
    call.require(Need("http_triggers", "write"))  # A real server lets no scope with a path do this.
    mode = call.fields("mode")["mode"]
    call.write(triggers.set_mode, call.workspace, call.path["path"], mode)
    return as_text(f"Trigger '{call.path['path']}' mode set to {mode}")


def route_exists(call: Call) -> Response:
    """Tell whether a route is taken."""
    asked = call.fields("route_path", "http_method")
    return as_json(triggers.route_exists(call.services.database.read(), call.workspace, asked))


async def serve(call: Call) -> Response:
    """Answer a request to a trigger's route: start its runnable, and wait where the trigger says so."""
    inside, submission, waits = await run_in_threadpool(_run_of, call)
    job_id = await run_in_threadpool(call.services.engine.submit, submission)
    return await wait_result(inside, job_id) if waits else as_text(job_id, 201)


def _run_of(call: Call) -> tuple[Call, Submission, bool]:
    route = call.path["route"]
    found = triggers.find(call.services.database.read(), call.method, route)
    trigger = there(found, f"Trigger not found at name /{route}")
    _authenticate(call, trigger)
    who = Actor(trigger.username, trigger.email, trigger.workspace)
    inside = replace(call, who=who)
    submission = base_submission(inside, _runnable(inside, trigger))
    submission = replace(submission, who=who, created_by=f"HTTP-{trigger.path}", job_id=None, parent_job=None)
    return inside, _with_arguments(call, trigger, submission), trigger.request_type != "async"


def _authenticate(call: Call, trigger: Trigger) -> None:
    """Check the caller as the trigger asks; ``custom_script`` leaves that to the script."""
    if trigger.authentication_method == "windmill":
        bearer = bearer_of(call.services, said_token_of(call.headers, call.query))
        identity(call.services, bearer, trigger.workspace)
        kind = "flows" if trigger.is_flow else "scripts"
        replace(call, bearer=bearer).require(Need("jobs", "run", kind, trigger.script_path))
    check = CHECKS.get(trigger.authentication_method)
    if check is not None:
        resource = call.services.catalog.resource(
            trigger.workspace, trigger.authentication_resource_path or ""
        )
        check(resource, call)


def _runnable(call: Call, trigger: Trigger) -> Runnable:
    catalog, path = call.services.catalog, trigger.script_path
    if trigger.is_flow:
        return Runnable(flow=there(catalog.flow(trigger.workspace, path), f"flow not found at name {path}"))
    return Runnable(code=there(catalog.script(trigger.workspace, path), f"script not found at name {path}"))


def _with_arguments(call: Call, trigger: Trigger, submission: Submission) -> Submission:
    content_type = call.headers.get("content-type", "")
    payload = read_payload(call.body, content_type, keep_raw=trigger.raw_string)
    if Runnable(submission.code, submission.flow).has_preprocessor:
        event: dict[str, Json] = {
            "kind": "http",
            "route": trigger.route_path,
            "path": call.path["route"],
            "trigger_path": trigger.path,
            "body": payload.body,
            "raw_string": payload.raw,
            "params": dict(trigger.params),
            "headers": dict(call.headers),
            "query": dict(call.query),
            "method": call.method.lower(),
        }
        return replace(submission, event=event)
    wrapped = {"wrap_body": "true"} if trigger.wrap_body else {}
    return replace(submission, args=main_arguments(payload, wrapped, {}))


delete = changes(triggers.delete, "Trigger '{}' deleted")


ENDPOINTS = (
    Endpoint("POST", f"{W}/http_triggers/create", create),
    Endpoint("GET", f"{W}/http_triggers/list", lists_below(triggers.listed)),
    Endpoint("POST", f"{W}/http_triggers/route_exists", route_exists),
    Endpoint("GET", W + "/http_triggers/get/{path:path}", shows(triggers.get), "http_triggers:read"),
    Endpoint("GET", W + "/http_triggers/exists/{path:path}", shows(triggers.exists), "http_triggers:read"),
    Endpoint("POST", W + "/http_triggers/update/{path:path}", update, "http_triggers:write"),
    Endpoint("POST", W + "/http_triggers/setmode/{path:path}", set_mode),
    Endpoint("DELETE", W + "/http_triggers/delete/{path:path}", delete, "http_triggers:write"),
    Endpoint("GET POST PUT DELETE PATCH", "/api/r/{route:path}", serve, public=True),
)
