"""``run``: deploy the flow, start it, and follow it to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metaflow._vendor import click

from metaflow_windmill.cli.flow.commands.create import deploy
from metaflow_windmill.cli.flow.commands.trigger import announce, check_file
from metaflow_windmill.cli.flow.options.creation import Creation, creation_options
from metaflow_windmill.cli.flow.options.parameter_options import (
    ParameterCommand,
    given_tags,
    given_texts,
    given_values,
    run_param_options,
)
from metaflow_windmill.cli.flow.options.shared import connect
from metaflow_windmill.cli.flow.telling.fetched_metadata import fetch_metadata
from metaflow_windmill.cli.flow.telling.following import conclude, follow, follow_options
from metaflow_windmill.runs.arguments import arguments_of
from metaflow_windmill.runs.start import trigger
from metaflow_windmill.terminal.speech import flow_command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions
    from metaflow_windmill.internals.deploying import CliState


@flow_command(
    "Deploy this flow, start a run of it, and follow the run to its end.",
    creation_options,
    run_param_options,
    click.option("--run-id-file", default=None, help="Write the id of the run to this file."),
    click.option(
        "--wait/--no-wait",
        default=True,
        show_default=True,
        help="Follow the run; the exit status is its outcome.",
    ),
    *follow_options,
    examples=(
        "run --alpha 1",
        "run --run-param alpha=1 --quiet-tasks",
        "run --run-params-file values.json --max-wait 3600",
    ),
    kind=ParameterCommand,
)
def command(
    obj: CliState,
    *,
    given: TargetOptions,
    tags: tuple[str, ...] | None,
    run_params: tuple[str, ...] | None,
    run_params_file: str | None,
    run_id_file: str | None,
    wait: bool,
    max_wait: float | None,
    quiet_tasks: bool,
    parameters: Mapping[str, Any],
    **options: object,
) -> None:
    """Check the parameters first: a run that cannot start is not deployed for."""
    check_file(run_id_file)
    asked = Creation.of(obj, given, options)
    values, texts = given_values(run_params_file), given_texts(obj, parameters, run_params)
    tags = given_tags(tags, values)  # of the run: what is deployed for it keeps none of them
    site = connect(asked.target.given)
    done = deploy(obj, site, asked, lambda record: arguments_of(record.parameters, values, texts))
    run = trigger(site.windmill, done.path, done.record, values, texts, version=done.version, tags=tags)
    announce(obj, site, run, run_id_file)
    if wait:
        job = follow(obj, site, run.job_id, done.path, max_wait, quiet_tasks=quiet_tasks)
        fetch_metadata(obj, done.record, run.run_id)
        conclude(obj, site, job)
