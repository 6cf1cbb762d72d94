"""A run as it goes: which task began, which ended and how, from Windmill's lists of jobs.

A run of thousands of tasks is followed by two lists a look, of what runs and of what has ended
since the look before, and not by a request a task. What is over is forgotten, so that following a
run takes the same memory however many tasks it has.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from metaflow_windmill.client.models import JobState, instant
from metaflow_windmill.contract.pack import Pack, read_task
from metaflow_windmill.contract.task_spec import TaskSpec
from metaflow_windmill.errors import NotFound
from metaflow_windmill.runs.packed_tasks import PackSeen, names_of
from metaflow_windmill.runs.reasons import reason_of
from metaflow_windmill.runtime.position.task_ids import read_position, task_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from metaflow_windmill.client.models import Job
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.runs.flow_modules import ModuleSteps
    from metaflow_windmill.runs.packed_tasks import PackedTask
    from metaflow_windmill.types import Json

PAGE = 500
OVERLAP = timedelta(seconds=5)
"""Looks overlap by this much: jobs that end at the same time are not listed at the same time."""

CONTAINERS = ("flow", "flowpreview", "flownode", "singlestepflow")
LEAVES = "script,preview,flowscript"
REASON_KEPT = 4000
"""Characters of the reason of each task that failed."""
MANY_NAMED = 200
"""How many tasks of a step a command names that looks once; of the others, those that run or failed."""
MOST_STRANGERS = 10_000
"""Parts of other runs that are remembered as such."""

_TURN = re.compile(r"(for)?loop-\d+")


@dataclass(frozen=True)
class TaskJob:
    """A job that runs a task of a step.

    Parameters
    ----------
    job : Job
    step : str
    id : str or None
        Metaflow's id of the task, such as ``t-3``; None where there are too many to ask for each.
    attempt : int
        How many jobs ran the same task before.
    reason : str
        Why it failed; empty if it did not.
    part : str
        Where a job has several tasks: which of them this is, as the step and the id, always.
    whole : Job or None
        That job; `job` is then as if the task had one of its own.
    """

    job: Job
    step: str
    id: str | None = None
    attempt: int = 0
    reason: str = ""
    part: str = ""
    whole: Job | None = None

    @property
    def key(self) -> str:
        """What tells it apart from all others of its run, attempts too."""
        return f"{self.job.id} {self.part}"

    @property
    def name(self) -> str:
        """The step and the task, as in Metaflow's pathspecs."""
        return self.part or (f"{self.step}/{self.id}" if self.id else self.step)


@dataclass(frozen=True)
class TaskEvent:
    """A task began, or ended as its job says, at a time."""

    task: TaskJob
    ended: bool
    at: datetime | None


@dataclass(frozen=True)
class Look:
    """What changed since the look before: the run's own job, and what its tasks did, in order of time."""

    run: Job
    events: tuple[TaskEvent, ...] = ()


@dataclass
class RunWatch:
    """Looks at a run again and again.

    Parameters
    ----------
    windmill : Windmill
    run_id : str
        The id of the run's job.
    steps : mapping of str to ModuleSteps
        From `steps_of`, what each module of the deployed flow runs.
    named : int
        For how many tasks of a step to ask for their ids.
    known : Job or None
        The run's job, as it was seen last.
    """

    windmill: Windmill
    run_id: str
    steps: dict[str, ModuleSteps]
    named: int = 20
    known: Job | None = None
    _parts: dict[str, datetime | None] = field(default_factory=dict)
    _strangers: set[str] = field(default_factory=set)
    _open: dict[str, TaskJob] = field(default_factory=dict)
    _packs: dict[str, PackSeen] = field(default_factory=dict)
    _over: dict[str, datetime | None] = field(default_factory=dict)
    _failures: Counter[str] = field(default_factory=Counter)
    _began: Counter[str] = field(default_factory=Counter)
    _since: datetime | None = None

    def look(self) -> Look:
        """Ask Windmill, and return what is new; the run's own job is asked first, so nothing is missed."""
        run = self.run()
        return Look(run, tuple(sorted(self.events(), key=lambda event: f"{event.at or ''}")))

    def run(self) -> Job:
        """Return the run's own job.

        A flow's job tells the jobs of all its iterations. So it is read when it is new; later its end is
        asked for, and then the list that it stands in.
        """
        if self.known is None or self.known.id != self.run_id:
            self.known = self.windmill.get_job(self.run_id)
        elif not self.known.state.final:
            outcome = self.windmill.outcome(self.run_id)
            if outcome.completed:
                self.known = self._ended(self.known, outcome.result)
        return self.known

    def events(self) -> Iterator[TaskEvent]:
        """Yield what is new, roughly in the order in which the tasks were made, as it is read."""
        run = self.known or self.run()
        self._parts[self.run_id] = None
        later: list[Job] = []
        for job in self._listed(run):
            if job.kind in CONTAINERS:
                self._adopt(job)
            elif job.parent in self._parts:
                yield from self._events(job)
            else:
                later.append(job)
        for job in sorted(later, key=_start):
            if self._is_ours(job.parent):
                yield from self._events(job)
        self._forget()

    def _ended(self, run: Job, result: Json) -> Job:
        """Return the run's job, which is over, without the jobs of its iterations."""
        since = instant(run.created_at - OVERLAP) if run.created_at else None
        listed = self.windmill.list_completed_jobs(
            script_path_exact=run.path, created_after=since, order_desc=False, per_page=PAGE
        )
        found = next((job for job in listed if job.id == run.id), None)
        return self.windmill.get_job(run.id) if found is None else replace(found, result=result)

    def _events(self, job: Job) -> Iterator[TaskEvent]:
        """Yield what a job did since it was seen last."""
        if job.id in self._over:
            return
        pack = self._pack(job)
        if pack is not None:
            yield from self._events_of_pack(job, pack)
            return
        known = job.id in self._open
        task = self._task(job)
        if task is None:
            return
        if not known:
            yield TaskEvent(task, ended=False, at=job.started_at or job.created_at)
        if not job.state.final:
            self._open[job.id] = task
            return
        self._open.pop(job.id, None)
        self._over[job.id] = job.completed_at
        if job.state is not JobState.SUCCEEDED:
            self._failures.update({_place(job, None), _place(job, task.id)})
        yield TaskEvent(task, ended=True, at=job.completed_at)

    def _events_of_pack(self, job: Job, pack: PackSeen) -> Iterator[TaskEvent]:
        """Yield what the tasks of a job did since it was seen last."""
        final, failed = job.state.final, job.state is JobState.FAILED
        now = self.windmill.get_job(job.id) if final else job
        why = reason_of(self.windmill, now).text[:REASON_KEPT] if failed else ""
        for part in pack.look(self.windmill, now, why):
            ended = part.job.state.final
            at = part.job.completed_at if ended else part.job.started_at
            yield TaskEvent(self._part(part, now), ended=ended, at=at)
        if final:
            self._packs.pop(job.id)
            self._over[job.id] = job.completed_at

    def _part(self, part: PackedTask, whole: Job) -> TaskJob:
        """Return a task of a job of several."""
        step, _, id_ = part.name.partition("/")
        key = f"{whole.id} {part.name}"
        if not part.job.state.final:
            self._began[step] += 1
            named = id_ if self._began[step] <= self.named else None
            self._open[key] = TaskJob(part.job, step, named, part.attempt, part=part.name, whole=whole)
            return self._open[key]
        task = self._open.pop(key)
        named = id_ if part.job.state is JobState.FAILED else task.id
        return replace(task, job=part.job, id=named, reason=part.reason[:REASON_KEPT], whole=whole)

    def _pack(self, job: Job) -> PackSeen | None:
        """Return what was seen of a job of several tasks; None for one of a single task, or of none."""
        if job.id in self._packs or job.id in self._open:
            return self._packs.get(job.id)
        module = job.path.rpartition("/")[2]
        runs = self.steps.get(module)
        turn = _TURN.fullmatch(module) and any(item.packed for item in self.steps.values())
        if not (runs.packed if runs else turn and job.kind not in CONTAINERS):
            return None
        inputs = self.windmill.get_job(job.id).args
        pack = read_task(inputs["task"]) if isinstance(inputs, dict) and "task" in inputs else None
        if not isinstance(pack, Pack):
            return None
        found = self._packs[job.id] = PackSeen(names_of(pack, inputs))
        return found

    def _listed(self, run: Job) -> Iterator[Job]:
        """Yield the jobs below the flow's path that run, or ended lately; other runs' jobs are among them."""
        below: dict[str, str | float | bool | None] = {
            "script_path_start": f"{run.path}/",
            "per_page": PAGE,
            "created_after": instant(run.created_at - OVERLAP) if run.created_at else None,
            # What a job is a part of was made before it, and so comes first.
            "order_desc": False,
        }
        # `jobs/queue/list` does not say what a job is a part of; this list has all that run, on one page.
        running = self.windmill.list_jobs(**{**below, "running": True, "job_kinds": LEAVES})
        after = instant(self._since - OVERLAP) if self._since else None
        for job in _pages(self.windmill.list_completed_jobs, {**below, "completed_after": after}):
            if job.completed_at and (self._since is None or job.completed_at > self._since):
                self._since = job.completed_at
            yield job
        yield from running  # Last, since one of them may be a new attempt of a task that failed.

    def _adopt(self, job: Job) -> None:
        """Take in a loop's iteration or a branch, if it belongs to this run."""
        if self._is_ours(job.id, job.parent):
            self._parts[job.id] = job.completed_at

    def _is_ours(self, part: str | None, parent: str | None = None) -> bool:
        """Tell whether a part of a flow belongs to this run; the server is asked where no list told."""
        if part is None or part in self._strangers:
            return False
        if part not in self._parts:
            if not self._is_ours(self._above(part) if parent is None else parent):
                self._strangers.add(part)
                return False
            self._parts[part] = None
        return True

    def _above(self, part: str) -> str | None:
        try:
            return self.windmill.get_job(part).parent
        except NotFound:
            return None

    def _forget(self) -> None:
        """Let go of what no list will hold again."""
        if self._since is not None:
            before = self._since - 2 * OVERLAP
            for kept in (self._parts, self._over):
                for job_id in [job_id for job_id, ended in kept.items() if ended and ended < before]:
                    del kept[job_id]
        if len(self._strangers) > MOST_STRANGERS:
            self._strangers.clear()

    def _task(self, job: Job) -> TaskJob | None:
        """Return the task of a job; None for what runs none."""
        before = self._open.get(job.id)
        task = replace(before, job=job) if before else self._new_task(job)
        return self._failed(task) if task is not None and job.state is JobState.FAILED else task

    def _failed(self, task: TaskJob) -> TaskJob:
        """Return a task that failed, with its id and the reason."""
        job = self.windmill.get_job(task.job.id)
        spec = _spec_of(job)
        reason = reason_of(self.windmill, job).text[:REASON_KEPT]
        return replace(task, id=task.id or (spec[1] if spec else None), reason=reason)

    def _new_task(self, job: Job) -> TaskJob | None:
        module = job.path.rpartition("/")[2]
        runs, spec = self.steps.get(module), None
        step = runs.steps[0] if runs else None
        # A turn of a sequential loop over one module is that module's job, and its path names the turn only.
        if step is None and _TURN.fullmatch(module) and job.kind not in CONTAINERS:
            spec = self._spec(job)
            step = spec[0] if spec else None
        if step is None:
            return None
        self._began[step] += 1
        if self._began[step] <= self.named:
            spec = spec or self._spec(job)
        named = spec[1] if spec else None
        return TaskJob(job, step, named, self._failures.get(_place(job, named), 0))

    def _spec(self, job: Job) -> tuple[str, str] | None:
        return _spec_of(self.windmill.get_job(job.id))


def _spec_of(job: Job) -> tuple[str, str] | None:
    """Return the step and the task's id, from the job's inputs."""
    inputs = job.args
    if not isinstance(inputs, dict) or "task" not in inputs:
        return None
    spec = read_task(inputs["task"])
    if not isinstance(spec, TaskSpec):
        return None
    return spec.step, task_id(read_position(spec.levels, inputs))


def _pages(ask: Callable[..., tuple[Job, ...]], filters: Mapping[str, Json]) -> Iterator[Job]:
    page = 1
    while jobs := ask(**filters, page=page):
        yield from jobs
        if len(jobs) < PAGE:
            return
        page += 1


def _place(job: Job, task_id: str | None) -> str:
    """Return what the attempts of a task have in common, as far as it is known."""
    return f"{job.path} {task_id}" if task_id else job.path


def _start(job: Job) -> str:
    return f"{job.started_at or job.created_at or ''}"
