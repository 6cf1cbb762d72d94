"""What a worker's report of a job's end means: labels, failures that a script asks for, cancels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.engine.conclude import canceled
from metaflow_windmill.devserver.store import canonical, clock
from metaflow_windmill.devserver.store.job_rows import JobEnding

if TYPE_CHECKING:
    from metaflow_windmill.devserver.model import Outcome
    from metaflow_windmill.devserver.store.job_rows import JobRow
    from metaflow_windmill.types import Json


def ending(job: JobRow, outcome: Outcome) -> JobEnding:
    """Return how a job ended, as its row keeps it.

    A job that was canceled and failed ended because it was killed; one that was faster than the kill
    keeps its result.
    """
    success, result = marked(outcome.success, outcome.result)
    status = "success" if success else "failure"
    if not success and job.canceled_by is not None:
        status, result = "canceled", canceled(job.canceled_by, job.canceled_reason)
    elif success and outcome.skipped:
        status = "skipped"
    return replace(ending_of(status, result), memory_kb=outcome.memory_kb or None)


def ending_of(status: str, result: Json) -> JobEnding:
    """Return how a job ended: its result as it is kept, as it came where that differs, and its labels.

    A flow gets those of its last module's result, as a script gets those of its own.
    """
    text, labels = canonical.dump(result), labels_in(result)
    return JobEnding(status, text, clock.now(), canonical.as_it_came(result, text), labels=labels)


def marked(success: bool, result: Json) -> tuple[bool, Json]:  # noqa: FBT001 - an outcome's two halves
    """Apply ``wm_failure``: a script that returns it fails and keeps its result."""
    if not success or not isinstance(result, dict) or not isinstance(result.get("wm_failure"), str):
        return success, result
    error = {"name": "ManualFailure", "message": result["wm_failure"]}
    return False, {**result, "error": error}


def labels_in(result: Json) -> tuple[str, ...]:
    """Return the labels that a result gives its job: ``wm_labels``."""
    labels = result.get("wm_labels") if isinstance(result, dict) else None
    if not isinstance(labels, list):
        return ()
    return tuple(label for label in labels if isinstance(label, str))


def lost(job: JobRow, restarts: int) -> Json:
    """Return the result of a job whose worker died too often."""
    message = (
        f"The worker of this job died {restarts + 1} times: there is no ping from job {job.id}, so it is not "
        "started again. "
        "Look at its log, and at whether the machine ran out of memory."
    )
    error: dict[str, Json] = {"name": "ExecutionErr", "message": message}
    if job.step_id is not None:
        error["step_id"] = job.step_id
    return {"error": error}
