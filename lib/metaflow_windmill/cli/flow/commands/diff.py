"""``diff``: what a deployment now would change."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from metaflow_windmill.cli.flow.deployed import deployed, json_option
from metaflow_windmill.cli.flow.options.flow_options import flow_options
from metaflow_windmill.cli.flow.options.shared import server_options
from metaflow_windmill.deployment.assembled.assemble import assemble, check
from metaflow_windmill.deployment.assembled.options import DeployOptions
from metaflow_windmill.deployment.placed.difference import difference, page_difference
from metaflow_windmill.terminal.speech import flow_command, print_data, print_json, say

if TYPE_CHECKING:
    from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions
    from metaflow_windmill.internals.deploying import CliState


@flow_command(
    "Show what `create` would change: graph, parameters, schedule, package, versions. Nothing is deployed; "
    "the code package is built and saved as `create` does it, to compare its sha.",
    *flow_options,
    server_options,
    json_option,
    examples=("diff", "diff --max-workers 20 --json"),
)
def command(obj: CliState, *, given: TargetOptions, as_json: bool, **options: object) -> None:
    """Print a line a difference, or JSON."""
    found = deployed(obj, given)
    wanted = DeployOptions.of(options)
    check(obj, wanted)
    document = assemble(obj, found.meant, wanted, found.record.token, found.site).saved()
    changes = (*difference(found.flow.value, document["value"]), *page_difference(found.flow, document))
    if as_json:
        print_json([asdict(change) for change in changes])
        return
    for change in changes:
        print_data(str(change))
    if not changes:
        say(obj, f"{found.path} is as this flow would be deployed now.")
