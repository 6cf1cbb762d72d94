"""The whole application: every subject's routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette

from metaflow_windmill.devserver.api import (
    approval_routes,
    export_routes,
    flow_routes,
    folder_routes,
    http_trigger_routes,
    jobs_act,
    jobs_follow,
    jobs_list,
    jobs_read,
    jobs_run,
    resource_routes,
    schedule_routes,
    script_routes,
    system_routes,
    user_routes,
    variable_routes,
)
from metaflow_windmill.devserver.api.routing import Endpoint, routes
from metaflow_windmill.devserver.pages import handlers as pages

if TYPE_CHECKING:
    from metaflow_windmill.devserver.api.services import Services

ENDPOINTS: tuple[Endpoint, ...] = (
    *system_routes.ENDPOINTS,
    *user_routes.ENDPOINTS,
    *folder_routes.ENDPOINTS,
    *flow_routes.ENDPOINTS,
    *jobs_run.ENDPOINTS,
    *jobs_read.ENDPOINTS,
    *jobs_follow.ENDPOINTS,
    *jobs_list.ENDPOINTS,
    *jobs_act.ENDPOINTS,
    *approval_routes.ENDPOINTS,
    *script_routes.ENDPOINTS,
    *variable_routes.ENDPOINTS,
    *resource_routes.ENDPOINTS,
    *schedule_routes.ENDPOINTS,
    *http_trigger_routes.ENDPOINTS,
    *export_routes.ENDPOINTS,
)
"""Every route of the API."""


def build_app(services: Services) -> Starlette:
    """Return the application that serves the API and the pages."""
    return Starlette(routes=[*routes(ENDPOINTS, services), *pages.routes(services)])
