"""The whole application: every subject's routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette

from metaflow_windmill.devserver.api import (
    approvals,
    export,
    flows,
    folders,
    http_triggers,
    jobs_act,
    jobs_follow,
    jobs_list,
    jobs_read,
    jobs_run,
    resources,
    schedules,
    scripts,
    system,
    users,
    variables,
)
from metaflow_windmill.devserver.api.routing import Endpoint, routes
from metaflow_windmill.devserver.pages import handlers as pages

if TYPE_CHECKING:
    from metaflow_windmill.devserver.api.services import Services

ENDPOINTS: tuple[Endpoint, ...] = (
    *system.ENDPOINTS,
    *users.ENDPOINTS,
    *folders.ENDPOINTS,
    *flows.ENDPOINTS,
    *jobs_run.ENDPOINTS,
    *jobs_read.ENDPOINTS,
    *jobs_follow.ENDPOINTS,
    *jobs_list.ENDPOINTS,
    *jobs_act.ENDPOINTS,
    *approvals.ENDPOINTS,
    *scripts.ENDPOINTS,
    *variables.ENDPOINTS,
    *resources.ENDPOINTS,
    *schedules.ENDPOINTS,
    *http_triggers.ENDPOINTS,
    *export.ENDPOINTS,
)
"""Every route of the API."""


def build_app(services: Services) -> Starlette:
    """Return the application that serves the API and the pages."""
    return Starlette(routes=[*routes(ENDPOINTS, services), *pages.routes(services)])
