"""What became of the steps of a run, by the jobs that Windmill listed when the end step began."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from metaflow_windmill.contract.pack import BEFORE, FAILED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from metaflow_windmill.types import Json

_COPY = re.compile(r"__\d+$")


@dataclass(frozen=True)
class StepTimes:
    """How a step went: its tasks, what was tried again, all seconds of it, and those of its longest job."""

    step: str
    tasks: int = 0
    retries: int = 0
    seconds: float = 0.0
    longest: float = 0.0


def times_of(history: Json, modules: Mapping[str, str]) -> list[StepTimes]:
    """Return the steps in the order in which they began.

    Parameters
    ----------
    history : JSON value
        Of `package.body.history`: for each module how many of its jobs ended well, how many did not, and
        their milliseconds in all and at most, and the same for each step of jobs that have several tasks;
        None where Windmill did not tell.
    modules : mapping of str to str
        The steps of the modules that are called otherwise.
    """
    found: dict[str, StepTimes] = {}
    for module, (well, badly, total, longest) in ((history or {}).get("jobs") or {}).items():
        step = _step(module, modules)
        before = found.get(step, StepTimes(step))
        found[step] = replace(
            before,
            tasks=before.tasks + well,
            retries=before.retries + badly,
            seconds=before.seconds + total / 1000,
            longest=max(before.longest, longest / 1000),
        )
    return list(found.values())


def with_tasks(history: Json, rows: Sequence[Mapping[str, Json]]) -> Json:
    """Return a history with the tasks that ended in the job that asks, which is not listed yet.

    Parameters
    ----------
    history : JSON value
    rows : sequence of mappings
        What became of each, as `runtime.attempt.pack_job` has it.
    """
    jobs = dict((history or {}).get("jobs") or {})
    for row in rows:
        if row.get("state") not in {None, BEFORE}:
            name = f"{str(row['task']).partition('/')[0]}/"
            well, badly, total, longest = jobs.get(name) or (0, 0, 0, 0)
            failed, took = row["state"] == FAILED, 1000 * (row.get("seconds") or 0)
            jobs[name] = [well + (not failed), badly + failed, total + took, max(longest, took)]
    return {**(history or {}), "jobs": jobs}


def with_end(times: list[StepTimes], step: str, seconds: float) -> list[StepTimes]:
    """Return the steps with the task that ends the run, whose job is not over."""
    before = next((item for item in times if item.step == step), StepTimes(step))
    now = replace(
        before,
        tasks=before.tasks + 1,
        seconds=before.seconds + seconds,
        longest=max(before.longest, seconds),
    )
    return [item for item in times if item.step != step] + [now]


def seconds_since(history: Json) -> float | None:
    """Return how long the run has taken; None where Windmill did not tell when it began."""
    began = (history or {}).get("since")
    if not began:
        return None
    moment = datetime.fromisoformat(str(began).replace("Z", "+00:00"))
    return max(0.0, (datetime.now(timezone.utc) - moment).total_seconds())


def _step(module: str, modules: Mapping[str, str]) -> str:
    """Return a module's step: a step in several arms has a module in each, with a number.

    What ends in a slash is a step already.
    """
    if module.endswith("/"):
        return module[:-1]
    plain = module if module in modules else _COPY.sub("", module)
    return modules.get(plain, plain)
