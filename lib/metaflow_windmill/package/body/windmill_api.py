"""One request to the workspace that a job is of."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from metaflow_windmill.package.body.failures import UntoldError

PAUSES = (1, 2, 4, 8, 15, 30, 60)
"""Seconds between questions to a server that is away."""
REFUSALS = {400, 401, 403, 404}


def workspace() -> str:
    """Return the address of the workspace's API, or nothing where this is no job of a server."""
    server = (os.environ.get("BASE_INTERNAL_URL") or os.environ.get("WM_BASE_URL") or "").rstrip("/")
    return f"{server}/api/w/{os.environ.get('WM_WORKSPACE')}" if server else ""


def answer(path: str, token: str) -> Any:  # noqa: ANN401 - JSON
    """Return what Windmill answers."""
    from urllib.request import Request, urlopen

    headers = {"Authorization": f"Bearer {token}"}
    request = Request(f"{workspace()}/{path}", headers=headers)  # noqa: S310 (the server's own)
    with urlopen(request, timeout=10) as said:  # noqa: S310
        return json.load(said)


def field_of_job(job: str, token: str, field: str) -> Any:  # noqa: ANN401 - JSON
    """Return a field of a job; None where Windmill refuses to tell it.

    While a server is away it is asked again: a run that took now for the time that it was due would do
    the work of another day.
    """
    from http.client import HTTPException
    from urllib.error import HTTPError

    for wait in PAUSES:
        try:
            return answer(f"jobs_u/get/{job}?no_logs=true&no_code=true", token).get(field)
        except (OSError, ValueError, HTTPException) as why:  # noqa: PERF203 (it waits anyway)
            print(f"Windmill does not tell {field} of this run: {why}", file=sys.stderr, flush=True)
            if isinstance(why, HTTPError) and why.code in REFUSALS:
                return None
            time.sleep(wait)
    raise UntoldError(f"Windmill did not tell {field} of this run in {sum(PAUSES)} s; run the flow again.")
