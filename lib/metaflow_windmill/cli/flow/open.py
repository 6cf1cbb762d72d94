"""``open``: the page of the flow, or of one of its runs."""

from __future__ import annotations

import sys
import webbrowser
from typing import Any

from metaflow._vendor import click

from metaflow_windmill.cli.flow.deployed import deployed
from metaflow_windmill.cli.flow.options import server_options
from metaflow_windmill.cli.flow.speech import flow_command, print_data
from metaflow_windmill.client.pages import flow_page, run_page


@flow_command(
    "Open the page of the deployed flow, or of a run. Its address is printed, too.",
    server_options,
    click.argument("run_id", metavar="[RUN]", required=False, default=None),
)
def command(
    obj: Any,  # noqa: ANN401
    *,
    windmill_host: str | None,
    windmill_token: str | None,
    windmill_workspace: str | None,
    run_id: str | None,
) -> None:
    """Print the address, and open it where a person sits at a terminal."""
    found = deployed(obj, windmill_host, windmill_token, windmill_workspace)
    server = found.server
    if run_id is None:
        page = flow_page(server.host, server.workspace, found.path)
    else:
        page = run_page(server.host, server.workspace, found.run(run_id).id)
    print_data(page)
    if sys.stdout.isatty():
        webbrowser.open(page)
