"""The advice to run several tasks in one job, where those of earlier runs were many and short."""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING

from metaflow_windmill.client.models import JobState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from metaflow_windmill.client.models import Job
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.types import Json

MANY = 20
"""Tasks of a step, before anything is advised."""
SHORT = 2.0
"""Seconds of a job that are mostly its start: Python's, and `import metaflow`."""
WORTH = 10.0
"""Seconds of a job beside which its start is little."""
MOST_ADVISED = 25
LOOKED_AT = 500


def advice(windmill: Windmill, path: str, value: Json) -> str:
    """Return what to say of the jobs that a deployed flow had so far, if anything; one request.

    Parameters
    ----------
    windmill : Windmill
    path : str
        Of the flow.
    value : JSON value
        Of the flow, as it is now.
    """
    bodies = dict(_bodies(value.get("modules") or []))
    if not bodies:
        return ""
    return advised(bodies, windmill.list_completed_jobs(script_path_start=f"{path}/", per_page=LOOKED_AT))


def advised(bodies: dict[str, str], jobs: Iterable[Job]) -> str:
    """Return the advice for the foreach with the shortest of many tasks; nothing where none has such.

    Parameters
    ----------
    bodies : dict of str to str
        Of each module in a foreach the step that it runs, one task a job.
    jobs : iterable of Job
    """
    taken: dict[str, list[float]] = defaultdict(list)
    for job in jobs:
        step = bodies.get(job.path.rpartition("/")[2])
        if step and job.state is JobState.SUCCEEDED and job.seconds is not None:
            taken[step].append(job.seconds)
    found = sorted((median(seconds), step) for step, seconds in taken.items() if len(seconds) >= MANY)
    if not found or found[0][0] > SHORT:
        return ""
    seconds, step = found[0]
    items = max(2, min(MOST_ADVISED, round(WORTH / max(seconds, 0.1))))
    return (
        f"the last {len(taken[step])} tasks of {step} took {seconds:.1f} s each, most of it to start their "
        f"jobs. --pack {items} runs {items} items of a foreach in one job"
    )


def _bodies(modules: list[Json], *, inside: bool = False) -> Iterator[tuple[str, str]]:
    """Go through the modules in a foreach that a pack could be made of, each with its step."""
    for module in modules:
        value = module["value"]
        task = (value.get("input_transforms") or {}).get("task", {}).get("value") or {}
        if inside and "step" in task:
            yield module["id"], task["step"]
        body = value.get("modules") or []
        plain = all(one["value"]["type"] == "rawscript" for one in body)
        yield from _bodies(body, inside=value["type"] == "forloopflow" and plain)
        for branch in [*(value.get("branches") or []), {"modules": value.get("default") or []}]:
            yield from _bodies(branch["modules"])
