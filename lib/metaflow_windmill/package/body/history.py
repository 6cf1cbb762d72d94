"""What became of the steps before the last one, for the run's page."""

from __future__ import annotations

import os
import re
import sys
from typing import Any
from urllib.parse import urlencode

from metaflow_windmill.package.body.windmill_api import answer

PER_PAGE, MOST_PAGES = 1000, 20
MOST_LOOKED_INTO = 100
"""Jobs of several tasks that are asked for their results."""
CONTAINERS = {"flow", "flowpreview", "flownode", "singlestepflow"}
TURN = re.compile(r"(/(forloop|loop|branchone|branchall)-\d+)+$")


def history(token: str, page: dict[str, Any]) -> dict[str, Any] | None:
    """Ask what became of the steps before the last one, for the run's page; None if Windmill does not tell.

    Returns when the run began, whether the workspace shows cards, and of each module the number of its
    jobs that ended well and that did not, with their milliseconds in all and at most. Where jobs have several
    tasks each, the same of each step, whose name then ends in a slash; ``closed`` is the number of such jobs
    that were not looked into. ``whole`` is whether all jobs were listed.
    """
    named = os.environ.get
    run = named("WM_ROOT_FLOW_JOB_ID") or named("WM_FLOW_JOB_ID")
    path = TURN.sub("", named("WM_FLOW_PATH") or "")
    parts, jobs = {run}, list[tuple[str, dict[str, Any]]]()
    from http.client import HTTPException

    try:
        job = answer(f"jobs_u/get/{run}?no_logs=true&no_code=true", token)
        shows = page.get("cards") and answer("scripts/exists/p/f/metaflow/show_card", token)
        asked_for = {"script_path_start": f"{path}/", "created_after": job["created_at"]}
        for number in range(1, MOST_PAGES + 1):
            query = urlencode({**asked_for, "order_desc": "false", "per_page": PER_PAGE, "page": number})
            listed = answer(f"jobs/completed/list?{query}", token)
            jobs += [(module, item) for item in listed if (module := module_of(item, parts))]
            if len(listed) < PER_PAGE:
                break
        whole = len(listed) < PER_PAGE
        counts, closed = counted(jobs, token if page.get("packs") else "")
    except (OSError, ValueError, KeyError, TypeError, HTTPException) as why:
        print(f"Windmill does not tell of the steps before this one: {why}", file=sys.stderr, flush=True)
        return None
    began = job.get("started_at") or job["created_at"]
    return {"since": began, "cards": bool(shows), "jobs": counts, "closed": closed, "whole": whole}


def module_of(job: dict[str, Any], parts: set[Any]) -> str:
    """Return the module of a job of the run; take in a part of it, which is listed before its jobs."""
    if job.get("parent_job") not in parts:
        return ""
    if job["job_kind"] in CONTAINERS:
        parts.add(job["id"])
        return ""
    return "" if job.get("is_skipped") else TURN.sub("", job.get("script_path") or "").rpartition("/")[2]


def counted(jobs: list[tuple[str, dict[str, Any]]], token: str) -> tuple[dict[str, list[int]], int]:
    """Count jobs by module or, given a token, the tasks of those that have several, by step.

    A module is one of the two kinds: one job that ended well tells which.
    """
    found, kinds, left, closed = dict[str, list[int]](), dict[str, bool](), MOST_LOOKED_INTO, 0
    for module, job in jobs:
        rows = None
        if token and left and kinds.get(module) is not False:
            left, rows = left - 1, tasks_in(answer(f"jobs_u/completed/get_result/{job['id']}", token))
        if job.get("success") or rows is not None:
            kinds.setdefault(module, rows is not None)
        if rows is None:
            closed += bool(kinds.get(module) and job.get("success"))
            add(found, module, job.get("success"), int(job.get("duration_ms") or 0))
        for row in rows or ():
            if row.get("state") != "done before":
                milliseconds = round(1000 * (row.get("seconds") or 0))
                add(found, row["task"].partition("/")[0] + "/", row.get("state") != "failed", milliseconds)
    return found, closed


def tasks_in(result: Any) -> list[dict[str, Any]] | None:  # noqa: ANN401 - JSON
    """Return what a job's result, or its error, says of its tasks; None for a job of one task."""
    said = result if isinstance(result, dict) else {}
    error = said.get("error")
    told = ((error.get("extra") or {}) if isinstance(error, dict) else said).get("tasks")
    return told if isinstance(told, list) else None


def add(found: dict[str, list[int]], name: str, well: object, took: int) -> None:
    """Count one more, with its milliseconds."""
    counts = found.setdefault(name, [0, 0, 0, 0])
    counts[0 if well else 1] += 1
    counts[2:] = [counts[2] + took, max(counts[3], took)]
