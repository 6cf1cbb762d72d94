"""``terminate``: stop a run, with all of its tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.cli.flow.deployed import authorize_option, deployed, run_argument
from metaflow_windmill.cli.flow.options.shared import server_options
from metaflow_windmill.deployment.described.names import run_id_of
from metaflow_windmill.terminal.speech import flow_command, say

if TYPE_CHECKING:
    from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions
    from metaflow_windmill.internals.deploying import CliState


@flow_command(
    "Stop a run, with all of its tasks; the last run if none is named.",
    server_options,
    run_argument,
    authorize_option,
    examples=("terminate", "terminate windmill-1fa26f5d-f818-4e79-a3ea-e55ae0cbd1db"),
)
def command(obj: CliState, *, given: TargetOptions, run_id: str | None, authorize: str | None) -> None:
    """Ask Windmill to cancel the run's job."""
    from metaflow.util import get_username

    found = deployed(obj, given)
    job = found.run(run_id)
    found.check_allowed(authorize, "stop a run of")
    if job.state.final:
        say(obj, f"{run_id_of(job.id)} is over already: {job.state.value}.")
        return
    found.site.windmill.cancel_job(job.id, f"terminated by {get_username()}")
    say(obj, f"{run_id_of(job.id)} is being stopped.")
