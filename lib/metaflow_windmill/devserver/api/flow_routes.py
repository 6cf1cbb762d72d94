"""``/flows``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.api.body import OBJECT
from metaflow_windmill.devserver.api.replies import as_json, as_text
from metaflow_windmill.devserver.api.routing import Endpoint, W
from metaflow_windmill.devserver.api.views import changes, lists, lists_all, shows
from metaflow_windmill.devserver.catalog import flow_locks, flows
from metaflow_windmill.devserver.catalog.scopes import Need
from metaflow_windmill.devserver.model import Submission
from metaflow_windmill.devserver.refusals import bad_request, unprocessable
from metaflow_windmill.errors import InvalidDocument
from metaflow_windmill.openflow import read_flow_value

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.devserver.api.call import Call
    from metaflow_windmill.devserver.model import RunnableFlow
    from metaflow_windmill.types import Json


def create(call: Call) -> Response:
    """Deploy a new flow."""
    asked = _asked(call, "path")
    call.require(Need("flows", "write", path=asked["path"]))
    made = call.write(flows.create, call.who, asked)
    _lock(call, made)
    return as_text(made.path, 201)


def update(call: Call) -> Response:
    """Deploy a new version of a flow."""
    asked = _asked(call)
    if asked.get("path"):
        call.require(Need("flows", "write", path=asked["path"]))
    made = call.write(flows.update, call.who, call.path["path"], asked)
    _lock(call, made)
    return as_text(made.path)


def get_version(call: Call) -> Response:
    """Show one version of a flow."""
    shown = flows.get_version(call.services.database.read(), call.workspace, version_number(call))
    call.require(Need("flows", "read", path=shown["path"]))
    return as_json(shown)


def archive(call: Call) -> Response:
    """Hide a flow from lists, or show it again."""
    path, archived = call.path["path"], call.fields("archived")["archived"]
    call.write(flows.archive, call.workspace, path, archived=archived)
    return as_text(f"Flow {path} {'archived' if archived else 'unarchived'}")


def check_value(value: Json) -> None:
    """Check that a value is an OpenFlow document.

    Raises
    ------
    RequestRefused
        422 if it is not, with the place of the fault.
    """
    try:
        read_flow_value(value)
    except InvalidDocument as fault:
        raise unprocessable(f"value: {fault}") from fault


def version_number(call: Call) -> int:
    """Return the version in the route.

    Raises
    ------
    RequestRefused
        400 if it is not a number.
    """
    try:
        return int(call.path["version"])
    except ValueError as fault:
        raise bad_request(f"{call.path['version']!r} is not the number of a flow's version") from fault


def _asked(call: Call, *required: str) -> Json:
    asked = call.fields(*required, "summary", "value", value=OBJECT)
    check_value(asked["value"])
    return asked


def _lock(call: Call, made: RunnableFlow) -> None:
    engine = call.services.engine
    resolves = engine.isolated and bool(flow_locks.codes(made))
    asked = Submission("flowdependencies", call.who, {}, path=made.path, flow=made, resolves=resolves)
    call.write(flows.set_dependency_job, call.workspace, made.path, engine.submit(asked))


delete = changes(flows.delete, "Flow {} deleted")


ENDPOINTS = (
    Endpoint("POST", f"{W}/flows/create", create),
    Endpoint("GET", f"{W}/flows/list", lists(flows.listed)),
    Endpoint("GET", f"{W}/flows/list_paths", lists_all(flows.listed, "path")),
    Endpoint("GET", W + "/flows/get/v/{version}", get_version),
    Endpoint("GET", W + "/flows/get/{path:path}", shows(flows.get), "flows:read"),
    Endpoint("GET", W + "/flows/exists/{path:path}", shows(flows.exists)),
    Endpoint("GET", W + "/flows/history/p/{path:path}", shows(flows.history), "flows:read"),
    Endpoint("GET", W + "/flows/get_latest_version/{path:path}", shows(flows.latest_version), "flows:read"),
    Endpoint("GET", W + "/flows/deployment_status/p/{path:path}", shows(flows.deployment_status)),
    Endpoint("POST", W + "/flows/update/{path:path}", update, "flows:write"),
    Endpoint("POST", W + "/flows/archive/{path:path}", archive, "flows:write"),
    Endpoint("DELETE", W + "/flows/delete/{path:path}", delete, "flows:write"),
)
