"""One task of a Metaflow flow: Windmill runs this file for every task of every step.

All that a task does is in the code package that was saved when the flow was deployed. This file
finds the package in the worker's cache, or fetches and unpacks it there, and hands over to it.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import Any

from metaflow_windmill.package.body.cache import cache_directory, find_package, private_directory
from metaflow_windmill.package.body.children import later, watch_worker
from metaflow_windmill.package.body.history import history
from metaflow_windmill.package.body.questions import asked, is_awaited
from metaflow_windmill.package.body.secrets import set_secrets
from metaflow_windmill.package.body.token import take_token

NEED_IT = "publish"
"""The key of a job's ``task`` that says that it asks Windmill for more than `asked` does."""
ENDS = "ends"
"""The key of a job's ``task`` that says that its run ends with it."""


def main(
    task: dict[str, Any],
    deployment: dict[str, Any],
    run: str | None = None,
    secrets: dict[str, Any] | None = None,
    **inputs: Any,  # noqa: ANN401 (any JSON)
) -> dict[str, Any]:
    """Run one task and return what Windmill keeps of it.

    What its inputs are is said in the library that the package holds (`contract/job_inputs.py`).

    The job's token is taken away before anything is run that stands in the worker's cache, where
    other jobs can write. A job that needs the token has code of its own.
    """
    token, alone = take_token(), NEED_IT in task
    told = asked(token, deployment) if run is None else {}
    heard = later(lambda: is_awaited(token, deployment)) if ends(task) else lambda: None
    if ends(task):
        told["history"] = later(lambda: history(token, page_of(task)))
    if task.get("drains"):
        watch_worker(token)
    token = token if alone else ""  # what runs next could find it here
    os.environ.update(deployment.get("variables") or {})
    set_secrets(secrets or {})
    cache = private_directory() if alone else cache_directory()
    new = not (alone or (cache / deployment["package"]["sha"]).is_dir())
    root = find_package(deployment["package"], deployment["datastore"]["type"], cache)
    sys.path.insert(0, str(root / ".mf_code"))
    gc.disable()  # all that is imported stays
    run_task = importlib.import_module("metaflow_windmill.runtime.task").run_task  # the package's own
    gc.enable()
    given = {"deployment": deployment, "run": run, **inputs}
    result: dict[str, Any] = run_task(root, task, token, given, asked=told, new=new)
    awaited = heard()
    return result if awaited is None else {**result, "awaited": awaited}


def ends(task: dict[str, Any]) -> bool:
    """Tell whether a run ends with this job: with its task, or with the last of several."""
    return bool(last_step(task).get(ENDS))


def page_of(task: dict[str, Any]) -> dict[str, Any]:
    """Return what the flow says of the page of its runs."""
    return last_step(task).get("page") or {}


def last_step(task: dict[str, Any]) -> dict[str, Any]:
    """Return the task of a job, or the last of several."""
    steps: list[dict[str, Any]] = task.get("pack", {}).get("steps") or [task]
    return steps[-1]
