"""``diff``: what a deployment now would change."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from metaflow_windmill.cli.flow.assemble import check, compile_document, with_package
from metaflow_windmill.cli.flow.deployed import deployed, json_option
from metaflow_windmill.cli.flow.options import server_options
from metaflow_windmill.cli.flow.speech import flow_command, print_data, print_json, say
from metaflow_windmill.cli.flow.wanted import Wanted, flow_options
from metaflow_windmill.deploy.difference import difference, page_difference
from metaflow_windmill.deploy.newer import for_server
from metaflow_windmill.deploy.server_version import version_of
from metaflow_windmill.package.save import CodePackage


@flow_command(
    "Show what `create` would change: graph, parameters, schedule, package, versions. Nothing is deployed; "
    "the code package is built and saved as `create` does it, to compare its sha.",
    flow_options,
    server_options,
    json_option,
    examples=("diff", "diff --max-workers 20 --json"),
)
def command(
    obj: Any,  # noqa: ANN401
    *,
    windmill_host: str | None,
    windmill_token: str | None,
    windmill_workspace: str | None,
    as_json: bool,
    **options: Any,  # noqa: ANN401
) -> None:
    """Print a line a difference, or JSON."""
    found = deployed(obj, windmill_host, windmill_token, windmill_workspace)
    wanted = Wanted.of(options)
    check(obj, wanted)
    package = CodePackage(obj)
    document = compile_document(obj, found.meant, wanted, found.record.token, package)
    document = with_package(document, package)
    version = version_of(found.server.windmill)
    document = {**document, "value": for_server(document["value"], version.numbers if version else ())}
    changes = (*difference(found.flow.value, document["value"]), *page_difference(found.flow, document))
    if as_json:
        print_json([asdict(change) for change in changes])
        return
    for change in changes:
        print_data(str(change))
    if not changes:
        say(obj, f"{found.path} is as this flow would be deployed now.")
