"""``trigger``: start a run of the deployed flow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.cli.flow.options.attributes import attribute_option, write_attributes
from metaflow_windmill.cli.flow.options.parameter_options import ParameterCommand
from metaflow_windmill.cli.flow.options.run_options import RunOptions, run_options
from metaflow_windmill.cli.flow.options.shared import server_of, server_options
from metaflow_windmill.cli.flow.telling.showing import in_python
from metaflow_windmill.client.pages import run_page
from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions, meant
from metaflow_windmill.errors import DeployError
from metaflow_windmill.runs.start import Triggered, deployed_version, trigger
from metaflow_windmill.terminal.paste import command_line
from metaflow_windmill.terminal.speech import flow_command, say

if TYPE_CHECKING:
    from metaflow_windmill.client.site import Site
    from metaflow_windmill.internals.deploying import CliState


@flow_command(
    "Start a run of the deployed flow.",
    server_options,
    run_options(),
    attribute_option,
    examples=("trigger --alpha 1", "trigger --run-params-file values.json --run-id-file run.txt"),
    kind=ParameterCommand,
)
def command(
    obj: CliState,
    *,
    given: TargetOptions,
    start: RunOptions,
    deployer_attribute_file: str | None,
) -> None:
    """Start a run and say where it is."""
    check_file(start.id_file)
    target = meant(obj, given)
    values, tags = start.said()
    site = server_of(target.given)
    flow = site.find_flow(target.path)
    place = f"{target.path} in the workspace {site.workspace}"
    record, version = deployed_version(flow, place, target.identity, tags)
    run = trigger(site.windmill, target.path, record, values, start.texts(obj), version=version, tags=tags)
    announce(obj, site, run, start.id_file)
    say(obj, "To follow it:")
    say(obj, command_line("logs", run.run_id, "--follow"), indent=True)
    write_attributes(deployer_attribute_file, obj, name=target.path, pathspec=run.pathspec)


def check_file(file: str | None) -> None:
    """Open a file that a run's id will be written to, before there is a run.

    Raises
    ------
    DeployError
        If it cannot be written.
    """
    try:
        if file:
            Path(file).open("a", encoding="utf-8").close()
    except OSError as why:
        raise DeployError(f"the run's id cannot be written to {file}: {why.strerror}") from None


def announce(obj: CliState, site: Site, run: Triggered, run_id_file: str | None) -> None:
    """Say that a run began, and write its id to a file if that was asked for."""
    if run_id_file:
        Path(run_id_file).write_text(run.run_id, encoding="utf-8")
    say(obj, f"{run.flow} was triggered on Windmill (run-id {run.run_id}). Its page:", bold=True)
    say(obj, run_page(site.host, site.workspace, run.job_id), indent=True)
    say(obj, "In Python:")
    say(obj, in_python(run.token, run.pathspec), indent=True)
