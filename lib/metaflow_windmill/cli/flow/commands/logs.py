"""``logs``: what the tasks of a run print, from Windmill's own logs, not from Metaflow's datastore."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from metaflow._vendor import click

from metaflow_windmill.cli.flow.deployed import deployed, run_argument
from metaflow_windmill.cli.flow.options.shared import server_options
from metaflow_windmill.cli.flow.telling.output import Output
from metaflow_windmill.runs.flow_modules import steps_of
from metaflow_windmill.runs.watch import MANY_NAMED, RunWatch
from metaflow_windmill.terminal.speech import flow_command, print_data, say

if TYPE_CHECKING:
    from metaflow_windmill.cli.flow.telling.output import LogLine
    from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions
    from metaflow_windmill.internals.deploying import CliState

LOOK_EVERY = 0.5


@flow_command(
    "Print what the tasks of a run log; the last run if none is named.",
    server_options,
    run_argument,
    click.option("--step", default=None, help="Only this step, or this task as step/task."),
    click.option("--follow", is_flag=True, default=False, help="Go on until the run is over."),
    examples=(
        "logs --follow",
        "logs --step train",
        "logs windmill-1fa26f5d-f818-4e79-a3ea-e55ae0cbd1db --step train/t-3",
    ),
)
def command(
    obj: CliState,
    *,
    given: TargetOptions,
    run_id: str | None,
    step: str | None,
    follow: bool,
) -> None:
    """Print the logs to stdout, each line behind its task."""
    found = deployed(obj, given)
    job = found.run(run_id)
    wanted = {
        module: runs
        for module, runs in steps_of(found.flow.value).items()
        if step is None or step.partition("/")[0] in runs.steps
    }
    # One task is known by its id only, so that of each task of its step is asked for.
    named = sys.maxsize if step and "/" in step else MANY_NAMED
    watch = RunWatch(found.site.windmill, job.id, wanted, named, job)
    output = Output(found.site.windmill, _print, lambda name: step in (None, name, name.partition("/")[0]))
    while True:
        over = watch.run().state.final
        output.go_on(watch.events())
        if over or not follow:
            break
        time.sleep(LOOK_EVERY)
    if not output.tasks:
        say(obj, "No task has begun yet." if step is None else f"No task of {step} has begun.")


def _print(line: LogLine) -> None:
    print_data(f"[{line.task}{line.again}] {line.text}")
