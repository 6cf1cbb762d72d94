"""The version, the health, the workspaces and the workers of the server."""

from __future__ import annotations

from socket import gethostname
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.api.auth import require_super_admin
from metaflow_windmill.devserver.api.body import TEXT
from metaflow_windmill.devserver.api.replies import as_json, as_text
from metaflow_windmill.devserver.api.routing import Endpoint, W
from metaflow_windmill.devserver.catalog import workspaces
from metaflow_windmill.devserver.release import written

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.devserver.api.call import Call


def version(call: Call) -> Response:
    """Say which Windmill this is; other tools read the number."""
    return as_text(f"CE {written(call.services.release)}-metaflow-windmill")


def uptodate(_call: Call) -> Response:
    """Say that there is nothing newer: the embedded server is upgraded with its package."""
    return as_text("yes")


def list_workspaces(call: Call) -> Response:
    """Show the workspaces that the caller is in: on an embedded server, all of them."""
    return as_json(workspaces.listed(call.services.database.read()))


def workspace_exists(call: Call) -> Response:
    """Tell whether a workspace is there."""
    return as_json(workspaces.exists(call.services.database.read(), call.fields("id")["id"]))


def create_workspace(call: Call) -> Response:
    """Make a workspace."""
    require_super_admin(call.bearer)
    made = call.write(workspaces.create, call.fields("id"), call.bearer.email)
    return as_text(f"Created workspace {made}", 201)


def set_environment_variable(call: Call) -> Response:
    """Set or remove an environment variable of all jobs of the workspace."""
    asked = call.fields("name", value=TEXT)
    name, value = asked["name"], asked.get("value")
    call.write(workspaces.set_variable, call.workspace, name, value)
    return as_text(f"{'Deleted' if value is None else 'Set'} environment variable {name}")


def settings(call: Call) -> Response:
    """Show what a workspace is set to, as far as it is known here."""
    found = workspaces.git_sync(call.services.database.read(), call.workspace)
    return as_json({"workspace_id": call.workspace, **({"git_sync": found} if found is not None else {})})


def edit_git_sync(call: Call) -> Response:
    """Keep the settings of git sync."""
    call.write(workspaces.set_git_sync, call.workspace, call.fields().get("git_sync_settings"))
    return as_text(f"Edit git sync config for workspace {call.workspace}")


def list_workers(call: Call) -> Response:
    """Show the worker processes."""
    rows = [
        {
            "worker": row["worker"],
            "worker_instance": gethostname(),
            "last_ping": 0,
            "current_job_id": row["job"],
            "custom_tags": row["tags"],
            "worker_group": "default",
            "wm_version": written(call.services.release),
        }
        for row in call.services.workers.crew()
    ]
    return as_json(rows)


def exist_workers_with_tags(call: Call) -> Response:
    """Tell of each tag, between commas, whether a worker takes its jobs."""
    serves = call.services.workers.serves
    return as_json({tag: serves(tag) for tag in call.query.get("tags", "").split(",")})


ENDPOINTS = (
    Endpoint("GET", "/api/version", version, public=True),
    Endpoint("GET", "/api/uptodate", uptodate, public=True),
    Endpoint("GET", "/api/workspaces/list", list_workspaces),
    Endpoint("POST", "/api/workspaces/exists", workspace_exists),
    Endpoint("POST", "/api/workspaces/create", create_workspace),
    Endpoint(
        "POST", f"{W}/workspaces/set_environment_variable", set_environment_variable, "workspaces:write"
    ),
    Endpoint("GET", f"{W}/workspaces/get_settings", settings),
    Endpoint("POST", f"{W}/workspaces/edit_git_sync_config", edit_git_sync),
    Endpoint("GET", "/api/workers/list", list_workers),
    Endpoint("GET", "/api/workers/exists_workers_with_tags", exist_workers_with_tags),
)
