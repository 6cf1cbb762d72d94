"""``open``: the page of one of its runs, or of the flow where nothing has run yet."""

from __future__ import annotations

import sys
import webbrowser
from typing import TYPE_CHECKING

from metaflow._vendor import click

from metaflow_windmill.cli.flow.deployed import deployed
from metaflow_windmill.cli.flow.options.shared import server_options
from metaflow_windmill.client.pages import flow_page, run_page
from metaflow_windmill.terminal.speech import CommandError, flow_command, print_data

if TYPE_CHECKING:
    from metaflow_windmill.cli.flow.deployed import Deployment
    from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions
    from metaflow_windmill.internals.deploying import CliState


@flow_command(
    "Open the page of a run, the last if none is named; of the flow with --flow, or if none has run. Its "
    "address is printed.",
    server_options,
    click.argument("run_id", metavar="[RUN]", required=False, default=None),
    click.option("--flow", "of_flow", is_flag=True, default=False, help="Open the page of the flow."),
    examples=("open", "open --flow"),
)
def command(obj: CliState, *, given: TargetOptions, run_id: str | None, of_flow: bool) -> None:
    """Print the address, and open it where a person sits at a terminal."""
    if of_flow and run_id:
        raise CommandError("Give RUN or --flow, not both.", "Wrong use")
    found = deployed(obj, given)
    page = flow_page(found.site.host, found.site.workspace, found.path) if of_flow else _page(found, run_id)
    print_data(page)
    if sys.stdout.isatty():
        webbrowser.open(page)


def _page(found: Deployment, run_id: str | None) -> str:
    """Return the address of a run's page; of the flow's, if none is named and none has run."""
    site = found.site
    run = next(site.windmill.list_runs(found.path), None) if run_id is None else found.run(run_id)
    if run is None:
        return flow_page(site.host, site.workspace, found.path)
    return run_page(site.host, site.workspace, run.id)
