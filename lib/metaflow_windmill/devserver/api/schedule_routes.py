"""``/schedules``."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import islice
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.api.replies import as_json, as_text
from metaflow_windmill.devserver.api.routing import Endpoint, W
from metaflow_windmill.devserver.api.views import shows
from metaflow_windmill.devserver.catalog import schedules
from metaflow_windmill.devserver.catalog.scopes import Need
from metaflow_windmill.devserver.schedules.cron_patterns import next_times

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.devserver.api.call import Call

SHOWN = 5
"""Instants of a preview."""


def create(call: Call) -> Response:
    """Make a schedule."""
    asked = call.fields("path", "schedule", "timezone", "script_path", "is_flow")
    call.require(Need("schedules", "write", path=asked["path"]))
    path = call.write(schedules.create, call.who, asked)
    call.services.scheduler.wake()
    return as_text(path)


def update(call: Call) -> Response:
    """Change a schedule."""
    asked = call.fields("schedule", "timezone")
    path = call.write(schedules.update, call.who, call.path["path"], asked)
    call.services.scheduler.wake()
    return as_text(path)


def set_enabled(call: Call) -> Response:
    """Switch a schedule on or off."""
    path, enabled = call.path["path"], call.fields("enabled")["enabled"]
    call.write(schedules.set_enabled, call.workspace, path, enabled=enabled)
    call.services.scheduler.wake()
    return as_text(f"succesfully updated schedule at path {path} to status {str(enabled).lower()}")


def list_all(call: Call) -> Response:
    """Show schedules."""
    found = schedules.listed(
        call.services.database.read(),
        call.workspace,
        path=call.query.get("path"),
        path_start=call.query.get("path_start", ""),
        is_flow=call.choice("is_flow"),
    )
    return as_json(found)


def delete(call: Call) -> Response:
    """Remove a schedule."""
    call.write(schedules.delete, call.workspace, call.path["path"])
    call.services.scheduler.wake()
    return as_text(f"schedule {call.path['path']} deleted")


def preview(call: Call) -> Response:
    """Show when a schedule would be due."""
    asked = call.fields("schedule", "timezone")
    pattern, zone = schedules.check_pattern(asked["schedule"], asked["timezone"])
    found = islice(next_times(pattern, zone, datetime.now(timezone.utc)), SHOWN)
    return as_json([instant.strftime("%Y-%m-%dT%H:%M:%SZ") for instant in found])


ENDPOINTS = (
    Endpoint("POST", "/api/schedules/preview", preview),
    Endpoint("POST", f"{W}/schedules/create", create),
    Endpoint("GET", f"{W}/schedules/list", list_all),
    Endpoint("GET", W + "/schedules/get/{path:path}", shows(schedules.get), "schedules:read"),
    Endpoint("GET", W + "/schedules/exists/{path:path}", shows(schedules.exists)),
    Endpoint("POST", W + "/schedules/update/{path:path}", update, "schedules:write"),
    Endpoint("POST", W + "/schedules/setenabled/{path:path}", set_enabled, "schedules:write"),
    Endpoint("DELETE", W + "/schedules/delete/{path:path}", delete, "schedules:write"),
)
