"""``list-flows``: where this flow is deployed, or what is deployed at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow._vendor import click

from metaflow_windmill.cli.flow.deployed import json_option
from metaflow_windmill.cli.flow.options.shared import connect, server_options
from metaflow_windmill.cli.flow.telling.showing import time_json, time_text
from metaflow_windmill.client.pages import flow_page
from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions, meant
from metaflow_windmill.deployment.placed.deployments import deployments
from metaflow_windmill.errors import InvalidDocument
from metaflow_windmill.terminal.speech import flow_command, print_json, print_table, say

if TYPE_CHECKING:
    from metaflow_windmill.client.models import Flow
    from metaflow_windmill.client.site import Site
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.internals.deploying import CliState
    from metaflow_windmill.types import Json

HEADS = ("path", "flow", "branch", "owner", "deployed", "schedule")


@flow_command(
    "List the deployments of this flow: its branches and names.",
    server_options,
    click.option("--all", "everything", is_flag=True, default=False, help="Every flow of the workspace."),
    json_option,
    examples=("list-flows", "list-flows --all --json"),
)
def command(obj: CliState, *, given: TargetOptions, everything: bool, as_json: bool) -> None:
    """Print a table or JSON."""
    given = meant(obj, given).given
    site = connect(given)
    found = list(deployments(site.windmill, None if everything else obj.flow.name))
    if as_json:
        print_json([_json(site, flow, record) for flow, record in found])
    elif found:
        print_table(HEADS, [_row(flow, record) for flow, record in found])
    else:
        say(obj, "Nothing of that is deployed.")


def _row(flow: Flow, record: Record | InvalidDocument) -> tuple[str | None, ...]:
    if isinstance(record, InvalidDocument):
        return (flow.path, f"({record})", "", flow.edited_by, time_text(flow.edited_at), "")
    branch = f"{record.project}/{record.branch}" if record.project else ""
    schedule = f"{record.schedule.cron} {record.schedule.timezone}" if record.schedule else ""
    return (flow.path, record.flow, branch, record.owner, time_text(flow.edited_at), schedule)


def _json(site: Site, flow: Flow, record: Record | InvalidDocument) -> dict[str, Json]:
    page = flow_page(site.host, site.workspace, flow.path)
    if isinstance(record, InvalidDocument):
        return {"path": flow.path, "unreadable": str(record), "page": page}
    return {
        "path": flow.path,
        "flow": record.flow,
        "project": record.project,
        "branch": record.branch,
        "owner": record.owner,
        "production_token": record.token,
        "schedule": record.schedule and {"cron": record.schedule.cron, "timezone": record.schedule.timezone},
        "parameters": [info.name for info in record.parameters],
        "version": flow.version,
        "deployed_at": time_json(flow.edited_at),
        "page": page,
    }
