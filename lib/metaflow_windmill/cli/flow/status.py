"""``status``: where a run is, and its tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metaflow_windmill.cli.flow.deployed import deployed, json_option, run_argument
from metaflow_windmill.cli.flow.following import error_of
from metaflow_windmill.cli.flow.local_metadata import fetch_metadata
from metaflow_windmill.cli.flow.options import server_options
from metaflow_windmill.cli.flow.showing import TASK_HEADS, run_json, task_json, task_row, time_text, took_text
from metaflow_windmill.cli.flow.speech import flow_command, print_data, print_json, print_table
from metaflow_windmill.client.models import JobState
from metaflow_windmill.client.pages import run_page
from metaflow_windmill.deploy.names import run_id_of
from metaflow_windmill.deploy.watch import Watch, steps_of

if TYPE_CHECKING:
    from metaflow_windmill.cli.flow.options import Server
    from metaflow_windmill.client.models import Job
    from metaflow_windmill.deploy.watch import Task

NAMED = 200
"""For how many tasks of a step to tell their ids."""


@flow_command("Show where a run is, and its tasks.", server_options, run_argument, json_option)
def command(
    obj: Any,  # noqa: ANN401
    *,
    windmill_host: str | None,
    windmill_token: str | None,
    windmill_workspace: str | None,
    run_id: str,
    as_json: bool,
) -> None:
    """Print a table or JSON."""
    found = deployed(obj, windmill_host, windmill_token, windmill_workspace)
    job = found.run(run_id)
    fetch_metadata(obj, found.record, run_id_of(job.id))
    tasks = tasks_of(found.server, job, found.flow.value)
    if as_json:
        told = [task_json(task) for task in tasks]
        print_json({**run_json(found.server, job), "parameters": job.args, "tasks": told, **_error(job)})
    else:
        _print(found.server, job, tasks)


def tasks_of(server: Server, job: Job, value: Any) -> tuple[Task, ...]:  # noqa: ANN401
    """Return the tasks of a run, in the order in which they began."""
    watch = Watch(server.windmill, job.id, steps_of(value), NAMED)
    watch.look()
    return watch.tasks


def _print(server: Server, job: Job, tasks: tuple[Task, ...]) -> None:
    print_data(f"{run_id_of(job.id)} is {job.state.value}")
    if job.started_at:
        print_data(f"started {time_text(job.started_at)}, {took_text(job)}")
    if job.state is JobState.FAILED:
        step, error = error_of(job)
        print_data(f"failed{' at ' + step if step else ''}: {error}")
    print_data(run_page(server.host, server.workspace, job.id))
    if tasks:
        print_data("")
        print_table(TASK_HEADS, [task_row(task) for task in tasks])


def _error(job: Job) -> dict[str, Any]:
    if job.state is not JobState.FAILED:
        return {}
    step, error = error_of(job)
    return {"failed_step": step, "error": error}
