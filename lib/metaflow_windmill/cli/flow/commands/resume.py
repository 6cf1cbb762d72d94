"""``resume``: go on from a run that failed, was stopped, or is to be run anew from some step on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from metaflow._vendor import click

from metaflow_windmill.cli.flow.commands.trigger import announce
from metaflow_windmill.cli.flow.deployed import deployed
from metaflow_windmill.cli.flow.options.attributes import attribute_option, write_attributes
from metaflow_windmill.cli.flow.options.follow_options import follow_options
from metaflow_windmill.cli.flow.options.parameter_options import ParameterCommand
from metaflow_windmill.cli.flow.options.run_options import RunOptions, run_options
from metaflow_windmill.cli.flow.options.shared import server_options
from metaflow_windmill.cli.flow.telling.following import FollowOptions, see_through
from metaflow_windmill.cli.flow.telling.showing import time_text
from metaflow_windmill.errors import DeployError, RetryNotAllowed
from metaflow_windmill.runs.resumption import check_step, former_run, resume
from metaflow_windmill.runs.start import check_takes_tags
from metaflow_windmill.runtime.position.tasks import Tasks
from metaflow_windmill.runtime.resumed.origin_run import parameters_of
from metaflow_windmill.terminal.speech import CommandError, flow_command, say

if TYPE_CHECKING:
    from metaflow_windmill.cli.flow.deployed import Deployment
    from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions
    from metaflow_windmill.internals.deploying import CliState
    from metaflow_windmill.runs.resumption import Former


@flow_command(
    "Go on from a run: clone the tasks that succeeded, run all others. RUN is the id of a run of this flow, "
    "on Windmill or of `run`; the latest run on Windmill if not given. It runs what is deployed: deploy "
    "changed code with `create` before. Parameters keep the values of the run, unless they are given anew.",
    click.argument("run_id", metavar="[RUN]", required=False),
    server_options,
    click.option(
        "--step-to-rerun",
        default=None,
        help="Run this step and all that follows it anew, even where they succeeded.",
    ),
    click.option("--origin-run-id", default=None, help="RUN, as Metaflow's own resume has it."),
    run_options("the new run"),
    follow_options("the new run"),
    attribute_option,
    examples=(
        "resume",
        "resume windmill-1fa26f5d-f818-4e79-a3ea-e55ae0cbd1db --alpha 2",
        "resume --step-to-rerun train",
    ),
    kind=ParameterCommand,
)
def command(
    obj: CliState,
    *,
    run_id: str | None,
    given: TargetOptions,
    step_to_rerun: str | None,
    origin_run_id: str | None,
    start: RunOptions,
    following: FollowOptions,
    deployer_attribute_file: str | None,
) -> None:
    """Check all that can be checked here, start the run, and follow it."""
    if run_id and origin_run_id and run_id != origin_run_id:
        raise CommandError("give RUN or --origin-run-id, not both", "Wrong use")
    found = deployed(obj, given)
    former = former_run(found.site.windmill, found.path, found.record, run_id or origin_run_id)
    steps = [step_to_rerun] if step_to_rerun else []
    for step in steps:
        check_step(step, found.flow.value)
    values, tags = start.said()
    texts = start.texts(obj)
    check_takes_tags(found.flow, tags)
    _check_data(found, former)
    _say(obj, found, former)
    run = resume(
        found.site.windmill,
        found.path,
        found.record,
        former,
        steps=steps,
        values=values,
        texts=texts,
        version=found.flow.version,
        tags=tags,
    )
    announce(obj, found.site, run, start.id_file)
    write_attributes(deployer_attribute_file, obj, name=found.path, pathspec=run.pathspec)
    see_through(obj, found.site, run, found.record, following)


def _check_data(found: Deployment, former: Former) -> None:
    """Raise `DeployError` if a run that Windmill does not know has no data beside the deployed flow's."""
    from metaflow.metaflow_config import MAX_ATTEMPTS

    store = found.record.datastore
    if former.known or (store.type == "local" and not Path(store.root).is_dir()):
        return
    try:
        parameters_of(former.run_id, found.record, Tasks(found.record, former.run_id, MAX_ATTEMPTS))
    except RetryNotAllowed:
        raise DeployError(
            f"there is no run {former.run_id} of {found.record.flow} in the datastore of the deployed flow, "
            f"{store.root}; a run can be resumed where its data is. `windmill list-runs` tells of those on "
            "Windmill"
        ) from None
    except Exception:  # noqa: BLE001 (whatever a datastore says that only workers can read; they look again)
        return


def _say(obj: CliState, found: Deployment, former: Former) -> None:
    when = f" on {time_text(found.flow.edited_at)}" if found.flow.edited_at else ""
    say(
        obj,
        f"Resuming {found.record.flow}/{former.run_id} with the code that {found.record.owner} "
        f"deployed{when}. For newer code, deploy it with `windmill create` before.",
    )
