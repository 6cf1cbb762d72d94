"""Why a run or a task failed: the error that Windmill keeps, wherever in the run it stands.

A flow that fails at a step has that step's error for its result. One that fails at a loop or at branches has
the list of their results, with the errors in their places, and lists in it where loops stand in loops. Where
even that does not hold the error, the jobs of the parts that failed do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.contract.pack import failed_step
from metaflow_windmill.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.client.models import Job
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.types import Json

UNKNOWN = "Windmill tells no reason; its page shows the job that failed"
NO_JOB = "00000000-0000-0000-0000-000000000000"
NOT_APPROVED = {
    "SuspendedDisapproved": "the step was not approved",
    "SuspendedTimedOut": "nobody answered what was asked before the step",
}
"""What Windmill calls the end of a run that waited for people, in more words."""
DEEPEST = 40
"""Parts in parts that are looked into; more than a flow has."""


@dataclass(frozen=True)
class Reason:
    """What went wrong, and the module that it went wrong at where that is known."""

    text: str
    step: str = ""

    @property
    def line(self) -> str:
        """The first line of it."""
        return self.text.partition("\n")[0]


def reason_in(result: Json) -> Reason | None:
    """Return the first error in a job's result, however deep in lists; None if there is none."""
    return next(_reasons(result), None)


def reason_of(windmill: Windmill, job: Job) -> Reason:
    """Return why a job failed; Windmill is asked for its parts where its result does not tell."""
    found = reason_in(job.result) or _below(windmill, job, DEEPEST) or Reason(UNKNOWN)
    return found if found.step else Reason(found.text, _not_approved(job))


def _not_approved(job: Job) -> str:
    """Return the module that was not let begin: it failed, and no job stands behind it."""
    status = job.flow_status if isinstance(job.flow_status, dict) else {}
    failed = [module for module in status.get("modules") or [] if module.get("type") == "Failure"]
    return next((str(module["id"]) for module in failed if module.get("job") == NO_JOB), "")


def _reasons(result: Json) -> Iterator[Reason]:
    if isinstance(result, list):
        for item in result:
            yield from _reasons(item)
    elif isinstance(result, dict) and "error" in result:
        found = _reason(result["error"])
        if found is not None:
            yield found


def _reason(error: Json) -> Reason | None:
    if isinstance(error, str) and error.strip():
        return Reason(error.strip())
    if not isinstance(error, dict):
        return None
    name, message = str(error.get("name") or ""), str(error.get("message") or "").strip()
    name = NOT_APPROVED.get(name, name)
    text = ": ".join(part for part in (name, message) if part)
    return Reason(text, failed_step(error)) if text else None


def _below(windmill: Windmill, job: Job, depth: int) -> Reason | None:
    """Return the reason of the first part of a flow's job that failed."""
    status = job.flow_status if isinstance(job.flow_status, dict) else {}
    for module in [*(status.get("modules") or []), status.get("failure_module")] if depth else []:
        for part in _failed_parts(module) if isinstance(module, dict) else ():
            try:
                found = windmill.get_job(part)
            except NotFound:
                continue
            reason = reason_in(found.result) or _below(windmill, found, depth - 1)
            if reason is not None:
                return reason if reason.step else Reason(reason.text, _step(found, module))
    return None


def _failed_parts(module: dict[str, Json]) -> list[str]:
    """Return the jobs of a module that failed: of its iterations or branches, or its own."""
    if module.get("type") != "Failure":
        return []
    jobs, went_well = module.get("flow_jobs") or [], module.get("flow_jobs_success") or []
    failed = [job for job, well in zip(jobs, went_well, strict=False) if well is False]
    return failed or [job for job in (jobs[-1:] or [module.get("job")]) if job]


def _step(job: Job, module: dict[str, Json]) -> str:
    return "" if job.flow_status else str(module.get("id") or "")
