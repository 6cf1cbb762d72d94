"""A run as it goes: which task began, which ended and how, from Windmill's lists of jobs.

A run of thousands of tasks is followed by two lists a look, of what runs and of what has ended
since the look before, and not by a request a task.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from metaflow_windmill.client.models import instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from metaflow_windmill.client.models import Job, JobState
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.types import Json

PAGE = 1000
OVERLAP = timedelta(seconds=5)
"""Looks overlap by this much: jobs that end at the same time are not listed at the same time."""

_TURN = re.compile(r"(?:for)?loop-(\d+)")
_LOOPS = ("forloopflow", "whileloopflow")


@dataclass(frozen=True)
class Task:
    """A job that runs a task of a step.

    Parameters
    ----------
    job : Job
    step : str
    place : tuple of int
        Its numbers in the loops around it, outermost first.
    attempt : int
        How many jobs ran the same task before.
    """

    job: Job
    step: str
    place: tuple[int, ...] = ()
    attempt: int = 0

    @property
    def name(self) -> str:
        """The step with its numbers, such as ``train[3]``."""
        return f"{self.step}[{','.join(map(str, self.place))}]" if self.place else self.step


@dataclass(frozen=True)
class Look:
    """What changed since the look before: the run's own job, tasks that began, and tasks that ended."""

    run: Job
    began: tuple[Task, ...] = ()
    ended: tuple[Task, ...] = ()


@dataclass
class Watch:
    """Looks at a run again and again.

    Parameters
    ----------
    windmill : Windmill
    run_id : str
        The id of the run's job.
    steps : mapping of str to str
        From `steps_of`, the step that each module of the deployed flow runs.
    """

    windmill: Windmill
    run_id: str
    steps: dict[str, str]
    _parts: set[str] = field(default_factory=set)
    _modules: dict[str, str] = field(default_factory=dict)
    _jobs: dict[str, JobState] = field(default_factory=dict)
    _attempts: dict[str, list[str]] = field(default_factory=dict)
    _since: datetime | None = None

    def look(self) -> Look:
        """Ask Windmill, and return what is new; the run's own job is asked first, so nothing is missed."""
        run = self.windmill.get_job(self.run_id)
        jobs = list(self._listed(run))
        self._parts |= {self.run_id}
        self._adopt(jobs)
        ours = sorted((job for job in jobs if job.id in self._parts), key=_order)
        began = tuple(task for job in ours if self._is_new(job) for task in self._task(job))
        ended = tuple(task for job in ours if self._is_over(job) for task in self._task(job))
        self._jobs |= {job.id: job.state for job in ours}
        return Look(run, began, ended)

    def _listed(self, run: Job) -> Iterator[Job]:
        """Yield the jobs below the flow's path that run, or ended lately; other runs' jobs are among them."""
        below: dict[str, str | float | bool | None] = {
            "script_path_start": f"{run.path}/",
            "per_page": PAGE,
            "created_after": instant(run.created_at - OVERLAP) if run.created_at else None,
        }
        yield from self.windmill.list_queued_jobs(**below, running=True)
        page, since = 1, self._since
        while True:
            after = instant(since - OVERLAP) if since else None
            jobs = self.windmill.list_completed_jobs(**below, completed_after=after, page=page)
            ends = [job.completed_at for job in jobs if job.completed_at]
            self._since = max([*ends, *([self._since] if self._since else [])], default=None)
            yield from jobs
            if len(jobs) < PAGE:
                return
            page += 1

    def _adopt(self, jobs: list[Job]) -> None:
        """Find the jobs whose parents lead to this run."""
        while True:
            more = {job.id for job in jobs if job.parent in self._parts} - self._parts
            if not more:
                return
            self._parts |= more

    def _is_new(self, job: Job) -> bool:
        return job.id not in self._jobs

    def _is_over(self, job: Job) -> bool:
        known = self._jobs.get(job.id)
        return job.state.final and (known is None or not known.final)

    def _task(self, job: Job) -> Iterator[Task]:
        step = self._step_of(job)
        if step is not None:
            before = self._attempts.setdefault(job.path, [])
            if job.id not in before:
                before.append(job.id)
            yield Task(job, step, _place(job), before.index(job.id))

    def _step_of(self, job: Job) -> str | None:
        module = job.path.rpartition("/")[2]
        if not _TURN.fullmatch(module):
            return self.steps.get(module)
        # A turn of a sequential loop over one module is that module's job, and names the turn only.
        if job.kind in ("flow", "flowpreview", "flownode", "singlestepflow"):
            return None
        if job.id not in self._modules and job.parent:
            status = self.windmill.get_job(job.parent).flow_status or {}
            self._modules |= _children(status.get("modules") or [])
        return self.steps.get(self._modules.get(job.id, ""))


def steps_of(value: Json) -> dict[str, str]:
    """Return the step that each module of a flow's value runs; a loop over one module stands for it."""
    found: dict[str, str] = {}
    for module in _modules(value.get("modules") or []):
        step = _own_step(module)
        body = module["value"].get("modules") or []
        if step is None and module["value"]["type"] in _LOOPS and len(body) == 1:
            step = _own_step(body[0])
        if step is not None:
            found[module["id"]] = step
    return found


def _own_step(module: Json) -> str | None:
    task = (module["value"].get("input_transforms") or {}).get("task") or {}
    step = (task.get("value") or {}).get("step")
    return str(step) if step else None


def _modules(modules: list[Json]) -> Iterator[Json]:
    for module in modules:
        yield module
        value = module["value"]
        yield from _modules(value.get("modules") or [])
        yield from _modules(value.get("default") or [])
        for branch in value.get("branches") or []:
            yield from _modules(branch.get("modules") or [])


def _children(modules: Iterable[Json]) -> dict[str, str]:
    """Return the module of each job that a flow's status names."""
    return {
        job: module["id"]
        for module in modules
        for job in [*(module.get("flow_jobs") or []), module.get("job")]
        if job
    }


def _place(job: Job) -> tuple[int, ...]:
    found = (_TURN.fullmatch(part) for part in job.path.split("/"))
    return tuple(int(match[1]) for match in found if match)


def _order(job: Job) -> str:
    return f"{job.started_at or job.created_at or ''}"
