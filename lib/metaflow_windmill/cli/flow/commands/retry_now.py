"""``retry-now``: the next attempt of what failed, without the rest of the wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.cli.flow.deployed import authorize_option, deployed, run_argument
from metaflow_windmill.cli.flow.options.shared import server_options
from metaflow_windmill.cli.flow.telling.showing import time_text
from metaflow_windmill.deployment.described.names import run_id_of
from metaflow_windmill.runs.waits import end_wait, waits_of
from metaflow_windmill.terminal.speech import flow_command, print_data, say

if TYPE_CHECKING:
    from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions
    from metaflow_windmill.internals.deploying import CliState


@flow_command(
    "End the wait of failed tasks for their next attempt; of the last run if none is named.",
    server_options,
    run_argument,
    authorize_option,
    examples=("retry-now", "retry-now windmill-1fa26f5d-f818-4e79-a3ea-e55ae0cbd1db"),
)
def command(obj: CliState, *, given: TargetOptions, run_id: str | None, authorize: str | None) -> None:
    """Start each task that waits, where the server can.

    Raises
    ------
    DeployError
        If it cannot.
    """
    found = deployed(obj, given)
    job = found.run(run_id)
    found.check_allowed(authorize, "retry a run of")
    waits = waits_of(found.site.windmill, job.id)
    if not waits:
        over = f"is over: {job.state.value}" if job.state.final else "has no task that waits for an attempt"
        say(obj, f"{run_id_of(job.id)} {over}.")
        return
    for wait in waits:
        print_data(f"{wait.module} waits for its next attempt until {time_text(wait.until)}.")
    for wait in waits:
        begun = end_wait(found.site.windmill, wait)
        print_data(f"{wait.module} {'begins now' if begun else 'had begun meanwhile'}.")
