"""What a job asks Windmill: what its first job is not told, and who waits for the end of the run."""

from __future__ import annotations

import json
import os
import sys
from typing import Any
from urllib.parse import urlencode

from metaflow_windmill.package.body.children import later
from metaflow_windmill.package.body.failures import UntoldError
from metaflow_windmill.package.body.windmill_api import answer, field_of_job, workspace


def asked(token: str, deployment: dict[str, Any]) -> dict[str, Any]:
    """Ask Windmill what it does not tell the first job of a run: when the run began, and when it was due."""
    named = os.environ.get
    outer = named("WM_ROOT_FLOW_JOB_ID") or named("WM_FLOW_JOB_ID")
    wanted = {}
    if deployment.get("workflow_timeout"):
        wanted["began"] = (outer, "started_at")
    if named("WM_SCHEDULE_PATH"):
        wanted["due"] = (named("WM_ROOT_JOB_ID") or outer, "scheduled_for")
    if not (wanted and workspace()):
        return {}
    found: dict[str, Any] | None = later(
        lambda: {key: field_of_job(str(job), token, field) for key, (job, field) in wanted.items()}
    )()
    if found is None:
        raise UntoldError("This job's question to Windmill ended without an answer; run the flow again.")
    return found


def is_awaited(token: str, deployment: dict[str, Any]) -> bool | None:
    """Tell whether a flow waits for the end of this one's runs; None where Windmill does not say.

    Whoever is deployed later is not waiting for this run. A server that does not know the filter by a
    resource's value tells of those that wait for anything, which is more and never less.
    """
    names = ("metaflow", deployment.get("project"), deployment.get("branch"), deployment["flow"], "end")
    event = {"events": [{"name": ".".join(filter(None, names))}]}
    wanted = {"resource_type": "metaflow_subscription", "value": json.dumps(event), "per_page": 1}
    from http.client import HTTPException

    try:
        return bool(answer(f"resources/list?{urlencode(wanted)}", token))
    except (OSError, ValueError, HTTPException) as why:
        print(f"Windmill does not tell who waits for the end of this run: {why}", file=sys.stderr, flush=True)
        return None
