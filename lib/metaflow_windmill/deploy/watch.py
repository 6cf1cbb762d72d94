"""A run as it goes: which task began, which ended and how, from Windmill's lists of jobs.

A run of thousands of tasks is followed by two lists a look, of what runs and of what has ended
since the look before, and not by a request a task.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from metaflow_windmill.client.models import JobState, instant
from metaflow_windmill.contract.task import TaskSpec
from metaflow_windmill.runtime.ids import read_position, task_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from metaflow_windmill.client.models import Job
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.types import Json

PAGE = 1000
OVERLAP = timedelta(seconds=5)
"""Looks overlap by this much: jobs that end at the same time are not listed at the same time."""

CONTAINERS = ("flow", "flowpreview", "flownode", "singlestepflow")

_TURN = re.compile(r"(for)?loop-\d+")


@dataclass(frozen=True)
class Task:
    """A job that runs a task of a step.

    Parameters
    ----------
    job : Job
    step : str
    id : str or None
        Metaflow's id of the task, such as ``t-3``; None where there are too many to ask for each.
    attempt : int
        How many jobs ran the same task before.
    """

    job: Job
    step: str
    id: str | None = None
    attempt: int = 0

    @property
    def name(self) -> str:
        """The step and the task, as in Metaflow's pathspecs."""
        return f"{self.step}/{self.id}" if self.id else self.step


@dataclass(frozen=True)
class Event:
    """A task began, or ended as its job says, at a time."""

    task: Task
    ended: bool
    at: datetime | None


@dataclass(frozen=True)
class Look:
    """What changed since the look before: the run's own job, and what its tasks did, in order of time."""

    run: Job
    events: tuple[Event, ...] = ()


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
    named : int
        For how many tasks of a step to ask for their ids.
    """

    windmill: Windmill
    run_id: str
    steps: dict[str, str]
    named: int = 20
    _parts: set[str] = field(default_factory=set)
    _jobs: dict[str, JobState] = field(default_factory=dict)
    _tasks: dict[str, Task] = field(default_factory=dict)
    _attempts: Counter[str] = field(default_factory=Counter)
    _began: Counter[str] = field(default_factory=Counter)
    _since: datetime | None = None

    def look(self) -> Look:
        """Ask Windmill, and return what is new; the run's own job is asked first, so nothing is missed."""
        run = self.windmill.get_job(self.run_id)
        jobs = list(self._listed(run))
        self._parts |= {self.run_id}
        self._adopt(jobs)
        ours = sorted({job.id: job for job in jobs if job.id in self._parts}.values(), key=_start)
        events = [event for job in ours for event in self._events(job)]
        self._jobs |= {job.id: job.state for job in ours}
        return Look(run, tuple(sorted(events, key=lambda event: f"{event.at or ''}")))

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All tasks that were seen, in the order in which they began."""
        return tuple(sorted(self._tasks.values(), key=lambda task: _start(task.job)))

    def _events(self, job: Job) -> Iterator[Event]:
        """Yield what a job did since it was seen last."""
        known = self._jobs.get(job.id)
        if known is not None and known.final:
            return
        task = self._task(job)
        if task is None:
            return
        if known is None:
            yield Event(task, ended=False, at=job.started_at or job.created_at)
        if job.state.final:
            yield Event(task, ended=True, at=job.completed_at)

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

    def _task(self, job: Job) -> Task | None:
        """Return the task of a job; None for a loop or a branch."""
        before = self._tasks.get(job.id)
        task = replace(before, job=job) if before else self._new_task(job)
        if task is not None and task.id is None and job.state is JobState.FAILED:
            spec = self._spec(job)
            task = replace(task, id=spec[1] if spec else None)
        if task is not None:
            self._tasks[job.id] = task
        return task

    def _new_task(self, job: Job) -> Task | None:
        module = job.path.rpartition("/")[2]
        step, spec = self.steps.get(module), None
        # A turn of a sequential loop over one module is that module's job, and its path names the turn only.
        if step is None and _TURN.fullmatch(module) and job.kind not in CONTAINERS:
            spec = self._spec(job)
            step = spec[0] if spec else None
        if step is None:
            return None
        self._began[step] += 1
        if self._began[step] <= self.named:
            spec = spec or self._spec(job)
        place = (job.path, spec[1] if spec else "")
        attempt = self._attempts["/".join(place)]
        self._attempts["/".join(place)] += 1
        return Task(job, step, spec[1] if spec else None, attempt)

    def _spec(self, job: Job) -> tuple[str, str] | None:
        """Return the step and the task's id, from the job's inputs."""
        inputs = self.windmill.get_job(job.id).args
        if not isinstance(inputs, dict) or "task" not in inputs:
            return None
        spec = TaskSpec.from_json(inputs["task"])
        return spec.step, task_id(read_position(spec.levels, inputs))


def steps_of(value: Json) -> dict[str, str]:
    """Return the step that each module of a flow's value runs."""
    found: dict[str, str] = {}
    for module in _modules(value.get("modules") or []):
        step = _own_step(module)
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


def _start(job: Job) -> str:
    return f"{job.started_at or job.created_at or ''}"
