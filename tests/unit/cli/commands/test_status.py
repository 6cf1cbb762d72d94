"""The tasks of a run as `status` keeps them: one by one while there are few, counted where there are many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.client.test_windmill import workspace

from metaflow_windmill.cli.flow.commands.status import ShownTasks, unserved
from metaflow_windmill.client.models import Job, JobState
from metaflow_windmill.runs.watch import TaskEvent, TaskJob

if TYPE_CHECKING:
    from collections.abc import Iterator


def events(number: int, state: JobState, *, named: bool) -> Iterator[TaskEvent]:
    """A task that began and, if its state says so, ended."""
    task_id = f"t-{number}" if named else None
    job = Job(f"job {number}", state, f"f/flows/Hello/forloop-{number}/work")
    yield TaskEvent(TaskJob(job, "work", task_id), ended=False, at=None)
    if state.final:
        yield TaskEvent(TaskJob(job, "work", task_id), ended=True, at=None)


def test_few_tasks_are_shown_one_by_one() -> None:
    seen = ShownTasks()
    for number in range(3):
        seen.of(events(number, JobState.SUCCEEDED, named=True))
    assert [task.id for task in seen.told] == ["t-0", "t-1", "t-2"]
    assert seen.more == {}


def test_of_many_tasks_those_are_kept_that_run_or_failed() -> None:
    seen = ShownTasks()
    for number in range(5000):
        state = {17: JobState.RUNNING, 18: JobState.FAILED}.get(number, JobState.SUCCEEDED)
        seen.of(events(number, state, named=state is JobState.FAILED))
    assert [task.job.id for task in seen.told] == ["job 17", "job 18"]
    assert seen.more == {"work": {"SUCCEEDED": 4998}}


def test_what_waits_for_a_worker_that_is_not_there_is_told() -> None:
    queued = [
        {"id": f"{at}", "type": "QueuedJob", "running": False, "tag": tag} for at, tag in enumerate("abb")
    ]
    windmill, transport = workspace(queued, {"a": True, "b": False})
    (line,) = unserved(windmill, Job("run", JobState.RUNNING, "f/flows/Hello"))
    assert line.startswith("tasks wait for a worker with the tag 'b', which no worker has")
    assert transport.asked[0].query["script_path_start"] == "f/flows/Hello/"
    assert transport.asked[0].query["running"] == "false"
    assert transport.asked[1].query["tags"] == "a,b"


def test_of_a_run_that_is_over_nobody_is_asked() -> None:
    windmill, transport = workspace()
    assert unserved(windmill, Job("run", JobState.FAILED, "f/flows/Hello")) == []
    assert transport.asked == []
