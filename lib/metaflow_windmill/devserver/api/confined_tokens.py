"""What the token of a job opens on releases of Windmill after 1.788, where it is confined.

That a route which names no workspace is closed to it, and that a module may say which scopes its jobs have,
is taken from release notes and the API's description: no such server was looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.catalog.scopes import opens
from metaflow_windmill.devserver.refusals import denied
from metaflow_windmill.devserver.release import TRIED

if TYPE_CHECKING:
    from metaflow_windmill.devserver.api.call import Call

OF_NO_WORKSPACE = frozenset(["users/whoami", "users/email"])
"""Routes outside of workspaces that are about the caller alone."""


def is_own(call: Call, route: str) -> bool:
    """Tell whether a job only reads of itself, which needs no scope."""
    about_jobs = route.startswith(("jobs_u/", "jobs/worker_is_draining/"))
    return call.method in ("GET", "HEAD") and about_jobs and call.path.get("id") == call.bearer.job


def confine(call: Call, route: str) -> None:
    """Check that the token of a job, if it is one, may be used on a route.

    Raises
    ------
    RequestRefused
        403 if it may not.
    """
    scopes = call.bearer.scopes
    if call.bearer.job is None or call.services.release <= TRIED:
        return
    if not call.workspace and route not in OF_NO_WORKSPACE:
        raise denied(f"the token of a job does not open {call.method} {route}, which names no workspace")
    if scopes is None or is_own(call, route):
        return
    asked = route.replace("jobs_u/", "jobs/", 1)
    if not scopes or not opens(scopes, call.method, asked):
        raise denied(f"the scopes of this job's token do not open {call.method} {route}")
