"""Which attempt of its task a job is: Windmill tells no job, so it is derived.

The datastore decides, by the attempts that began there. Windmill's own count differs from that
when a worker dies, since the same job then runs again without being counted, and when a job
ends before Metaflow begins, which is counted. Metaflow needs attempts without a gap.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from metaflow_windmill.contract.pack import DONE
from metaflow_windmill.errors import RetryNotAllowed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.runtime.position.current_job import CurrentJob
    from metaflow_windmill.runtime.position.tasks import Tasks
    from metaflow_windmill.types import Json


def next_attempt(begun: Sequence[int], most: int) -> int:
    """Return the number of the attempt that follows those that began.

    Raises
    ------
    RetryNotAllowed
        If Metaflow would not read a further one.
    """
    number = max(begun, default=-1) + 1
    if number >= most:
        raise RetryNotAllowed(
            f"This task was begun {number} times already, and Metaflow keeps no more than {most} attempts "
            "of a task. Look at the logs of the attempts before; run the flow again when the cause is gone."
        )
    return number


def check_not_restarted(run: str | None, root: Json, job: CurrentJob) -> None:
    """Refuse a step of a run that was started again in the middle, as the Enterprise edition can.

    Its steps get the results of the steps before from the run before, so that they would write over the
    tasks of that run, and read what these had written.

    Parameters
    ----------
    run : str or None
        The run that the start step told of.
    root : JSON value
        The outermost job then.
    job : CurrentJob

    Raises
    ------
    RetryNotAllowed
    """
    if root and job.root and root != job.root:
        raise RetryNotAllowed(
            f"Windmill started this run in the middle of {run}, and its steps would mix the data of both. Go "
            f"on from that run with `windmill resume {run}`; with --step-to-rerun STEP, from that step on."
        )


def finished(tasks: Tasks, task: str, begun: Sequence[int]) -> Json:
    """Return what the last attempt left for Windmill, if it ended well; else None.

    A worker can die between the end of a task and its job's result. The task is not run again then.
    """
    note = tasks.note(task, begun[-1]) if begun else None
    return note["outcome"] if note else None


def in_earlier_life(tasks: Tasks, task: str, attempt: int, job_id: str) -> dict[str, Json]:
    """Return what a list of a job's tasks says of one that ended before, if this very job ran it.

    Windmill starts the job of a lost worker again under the same id. So no other job tells of that task.
    """
    note = tasks.note(task, attempt) or {}
    began = tasks.begun_at(task, attempt) if note.get("job") == job_id else None
    if began is None:
        return {}
    since = datetime.fromtimestamp(began, timezone.utc).isoformat(timespec="milliseconds")
    seconds = round(max(0.0, note.get("ended_at", began) - began), 3)
    return {"state": DONE, "attempt": attempt, "started_at": since, "seconds": seconds}


def windmill_of(job: CurrentJob, token: str) -> Windmill:
    """Return the workspace that a job is in, with the job's own rights."""
    from metaflow_windmill.client.http import HttpTransport
    from metaflow_windmill.client.retrying import PATIENT, Retrying
    from metaflow_windmill.client.windmill import Windmill

    once = HttpTransport(job.server, token, connect_seconds=2.0, read_seconds=10.0)
    return Windmill(Retrying(once, PATIENT), job.workspace)
