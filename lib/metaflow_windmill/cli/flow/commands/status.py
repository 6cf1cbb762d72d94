"""``status``: where a run is, and its tasks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from metaflow_windmill.cli.flow.deployed import deployed, json_option, run_argument
from metaflow_windmill.cli.flow.options.shared import server_options
from metaflow_windmill.cli.flow.telling.fetched_metadata import fetch_metadata
from metaflow_windmill.cli.flow.telling.showing import (
    TASK_HEADS,
    in_python,
    run_json,
    task_json,
    task_row,
    time_text,
    took_text,
)
from metaflow_windmill.cli.flow.telling.teller import shortened
from metaflow_windmill.client.models import JobState, instant
from metaflow_windmill.client.pages import run_page
from metaflow_windmill.contract.exact import plain
from metaflow_windmill.deployment.described.names import run_id_of
from metaflow_windmill.deployment.placed.ownership import TOKEN_SCHEME
from metaflow_windmill.runs.flow_modules import steps_of
from metaflow_windmill.runs.reasons import reason_of
from metaflow_windmill.runs.watch import MANY_NAMED, RunWatch
from metaflow_windmill.terminal.paste import pasted
from metaflow_windmill.terminal.speech import flow_command, print_data, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow_windmill.cli.flow.deployed import Deployment
    from metaflow_windmill.client.models import Job
    from metaflow_windmill.client.site import Site
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions
    from metaflow_windmill.internals.deploying import CliState
    from metaflow_windmill.runs.approvals import Question
    from metaflow_windmill.runs.watch import TaskEvent, TaskJob


@flow_command(
    "Show where a run is, and its tasks; the last run if none is named.",
    server_options,
    run_argument,
    json_option,
    examples=("status", "status windmill-1fa26f5d-f818-4e79-a3ea-e55ae0cbd1db --json"),
)
def command(obj: CliState, *, given: TargetOptions, run_id: str | None, as_json: bool) -> None:
    """Print a table or JSON."""
    found = deployed(obj, given)
    job = found.run(run_id)
    fetch_metadata(obj, found.record, run_id_of(job.id))
    watch = RunWatch(found.site.windmill, job.id, steps_of(found.flow.value), MANY_NAMED, job)
    seen = ShownTasks().of(watch.events())
    if as_json:
        told = [task_json(task) for task in seen.told]
        parameters = {name: plain(value) for name, value in (job.args or {}).items()}
        run = {
            **run_json(found.site, job),
            "namespace": f"{TOKEN_SCHEME}{found.record.token}",
            "parameters": parameters,
            "tasks": told,
            "more": seen.more,
            "asks": [question.to_json() for question in _asked(found, job)],
        }
        print_json({**run, **_error(found.site, job)})
    else:
        _print(found, job, seen)


@dataclass
class ShownTasks:
    """The tasks of a run: the first ones of each step, what runs or failed, and how many more there are.

    Parameters
    ----------
    shown : dict of str to TaskJob
        By what tells a task apart.
    more : dict of str to Counter
        By the step, how many tasks that are not shown ended in which state.
    """

    shown: dict[str, TaskJob] = field(default_factory=dict)
    more: dict[str, Counter[str]] = field(default_factory=dict)

    def of(self, events: Iterable[TaskEvent]) -> ShownTasks:
        """Take in what happened, and return these tasks."""
        for event in events:
            self._take(event.task, ended=event.ended)
        return self

    @property
    def told(self) -> list[TaskJob]:
        """The tasks to show, in the order in which they began."""
        return sorted(self.shown.values(), key=lambda task: f"{task.job.started_at or task.job.created_at}")

    def _take(self, task: TaskJob, *, ended: bool) -> None:
        if ended and task.id is None and task.job.state is JobState.SUCCEEDED:
            self.shown.pop(task.key, None)
            self.more.setdefault(task.step, Counter())[task.job.state.value] += 1
        else:
            self.shown[task.key] = task


def _print(found: Deployment, job: Job, tasks: ShownTasks) -> None:
    site = found.site
    print_data(f"{run_id_of(job.id)} is {job.state.value}")
    if job.started_at:
        print_data(f"started {time_text(job.started_at)}, {took_text(job)}")
    if job.state is JobState.FAILED:
        reason = reason_of(site.windmill, job)
        print_data(f"failed{' at ' + reason.step if reason.step else ''}: {reason.text}")
    print_data(run_page(site.host, site.workspace, job.id))
    print_data(in_python(found.record.token, f"{found.record.flow}/{run_id_of(job.id)}"))
    if tasks.shown:
        print_data("")
        print_table(TASK_HEADS, [task_row(task) for task in tasks.told])
        for task in tasks.told:
            if task.reason:
                print_data(f"{task.name}, attempt {task.attempt + 1}: {shortened(task.reason)}")
    for line in unserved(site.windmill, job):
        print_data(line)
    for line in _waits(found, job):
        print_data(line)
    for step, states in tasks.more.items():
        print_data(f"{step}: {', '.join(f'{number:,} more {state}' for state, number in states.items())}")


def _waits(found: Deployment, job: Job) -> list[str]:
    """Return a sentence for each question that the run asks a person."""
    asked = _asked(found, job)
    if not asked:
        return []
    from metaflow_windmill.cli.flow.telling.asking import sentence

    page = run_page(found.site.host, found.site.workspace, job.id)
    return [pasted(sentence(job, question, page, asked)) for question in asked]


def _asked(found: Deployment, job: Job) -> list[Question]:
    if job.state.final:
        return []
    from metaflow_windmill.runs.approvals import questions

    return questions(found.site.windmill, job, found.flow.value)


def unserved(windmill: Windmill, run: Job) -> list[str]:
    """Return a sentence for each tag that a task of a run waits for and no worker has."""
    if run.state.final:
        return []
    since = instant(run.created_at) if run.created_at else None
    asked = {"script_path_start": f"{run.path}/", "created_after": since, "per_page": MANY_NAMED}
    waiting = {job.tag for job in windmill.list_queued_jobs(running=False, **asked)} - {None}
    return [
        f"tasks wait for a worker with the tag {tag!r}, which no worker has: give it to one, or deploy the "
        "flow with another tag"
        for tag in (windmill.unserved_tags(filter(None, waiting)) if waiting else ())
    ]


def _error(site: Site, job: Job) -> dict[str, Any]:
    if job.state is not JobState.FAILED:
        return {}
    reason = reason_of(site.windmill, job)
    return {"failed_step": reason.step, "error": reason.text}
