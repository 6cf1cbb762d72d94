"""Whether Windmill can run what was deployed: it prepares each version by a dependency job."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from metaflow_windmill.client.models import JobState
from metaflow_windmill.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow_windmill.client.models import JobOutcome
    from metaflow_windmill.client.windmill import Windmill

READY_SECONDS = 600.0
FIRST_WAIT, MOST_WAIT = 0.05, 2.0
LOG_SHOWN = 2000


def is_prepared(windmill: Windmill, path: str) -> bool:
    """Return whether Windmill can run the newest version of a flow, or is still getting ready to.

    A version whose dependency job failed stays what the path shows.
    """
    job, errors = windmill.deployment(path)
    if errors or job is None:
        return not errors
    done = windmill.outcome(job)
    return done.success or not done.completed


def wait_until_ready(
    windmill: Windmill,
    path: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    seconds: float = READY_SECONDS,
    for_a_worker: float | None = None,
) -> bool:
    """Wait until Windmill has prepared the newest version of a flow: until then a run gets the one before.

    A job takes up a worker itself. If all workers have jobs that wait for dependency jobs, none of
    those ever begins; so a job waits `for_a_worker` seconds for that, and no longer.

    Returns
    -------
    bool
        False if its dependency job still waits for a worker.

    Raises
    ------
    DeployError
        If it could not, with the end of its log, or did not in time.
    """
    job, errors = windmill.deployment(path)
    if job is not None:
        begun = clock() + (seconds if for_a_worker is None else for_a_worker)
        done = _outcome(windmill, path, job, clock() + seconds, begun=begun, sleep=sleep, clock=clock)
        if not done.completed:
            return False
        errors = windmill.deployment(path)[1] or ("" if done.success else f"the job {job} failed")
    if errors:
        raise DeployError(
            f"Windmill could not resolve the dependencies of the flow at {path}; correct them and create "
            f"it again. Its log ends with:\n{errors.strip()[-LOG_SHOWN:]}"
        )
    return True


def _outcome(
    windmill: Windmill,
    path: str,
    job: str,
    end: float,
    *,
    begun: float,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> JobOutcome:
    wait = FIRST_WAIT
    while not (outcome := windmill.outcome(job)).completed:
        if begun < clock() < end and windmill.get_job(job).state is JobState.PENDING:
            return outcome
        if clock() > end:
            raise DeployError(
                f"the flow at {path} is deployed, but Windmill has not prepared it in time (job {job}); "
                "is there a worker for its dependency jobs? A run works as soon as that job is done"
            )
        sleep(wait)
        wait = min(wait * 1.5, MOST_WAIT)
    return outcome
