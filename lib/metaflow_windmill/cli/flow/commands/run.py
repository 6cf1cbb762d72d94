"""``run``: deploy the flow, start it, and follow it to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.cli.flow.commands.create import deploy
from metaflow_windmill.cli.flow.commands.trigger import announce, check_file
from metaflow_windmill.cli.flow.options.creation import Creation, creation_options
from metaflow_windmill.cli.flow.options.follow_options import follow_options
from metaflow_windmill.cli.flow.options.parameter_options import ParameterCommand
from metaflow_windmill.cli.flow.options.run_options import RunOptions, run_options
from metaflow_windmill.cli.flow.options.shared import connect
from metaflow_windmill.cli.flow.telling.following import FollowOptions, see_through
from metaflow_windmill.runs.arguments import arguments_of
from metaflow_windmill.runs.start import trigger
from metaflow_windmill.terminal.speech import flow_command

if TYPE_CHECKING:
    from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions
    from metaflow_windmill.internals.deploying import CliState


@flow_command(
    "Deploy this flow, start a run of it, and follow the run to its end.",
    *creation_options,
    run_options(tags=False),
    follow_options(),
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
    start: RunOptions,
    following: FollowOptions,
    **options: object,
) -> None:
    """Check the parameters first: a run that cannot start is not deployed for."""
    check_file(start.id_file)
    asked = Creation.of(obj, given, options)
    values, tags = start.said()  # the tags are the run's: what is deployed for it keeps none of them
    texts = start.texts(obj)
    site = connect(asked.target.given)
    done = deploy(obj, site, asked, lambda record: arguments_of(record.parameters, values, texts))
    run = trigger(site.windmill, done.path, done.record, values, texts, version=done.version, tags=tags)
    announce(obj, site, run, start.id_file)
    see_through(obj, site, run, done.record, following)
