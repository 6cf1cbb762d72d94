"""``create``: compile the flow and deploy it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow._vendor import click

from metaflow_windmill.cli.flow.options.attributes import attribute_option, write_attributes
from metaflow_windmill.cli.flow.options.creation import Creation, creation_options
from metaflow_windmill.cli.flow.options.shared import connect
from metaflow_windmill.cli.flow.options.token_options import remember
from metaflow_windmill.cli.flow.telling.deployment import tell_beginning, tell_end
from metaflow_windmill.deployment.assembled.assemble import assemble, check
from metaflow_windmill.deployment.assembled.service_check import check_service
from metaflow_windmill.deployment.placed.ownership import choose_token
from metaflow_windmill.deployment.placed.server_support import check_server
from metaflow_windmill.deployment.placed.survey import survey
from metaflow_windmill.deployment.placed.upsert import carry_out
from metaflow_windmill.terminal.speech import flow_command, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow_windmill.client.site import Site
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions
    from metaflow_windmill.deployment.placed.survey import DeploymentPlan
    from metaflow_windmill.deployment.placed.upsert import DeploymentResult
    from metaflow_windmill.internals.deploying import CliState


@flow_command(
    "Compile this flow and deploy it to Windmill.",
    *creation_options,
    click.option(
        "--only-json",
        is_flag=True,
        default=False,
        help="Print the document to stdout instead of deploying it. No server is asked; the code package "
        "is saved in the datastore, so that the document can be deployed as it is.",
    ),
    attribute_option,
    examples=(
        "create",
        "create --tag nightly --max-workers 20",
        "create --requirements requirements.txt --secret API_KEY=f/team/api_key",
        "--name second create",
    ),
)
def command(
    obj: CliState,
    *,
    given: TargetOptions,
    only_json: bool,
    deployer_attribute_file: str | None,
    **options: object,
) -> None:
    """Deploy, or print what would be deployed."""
    asked = Creation.of(obj, given, options)
    if only_json:
        print_document(obj, asked)
    else:
        deploy(obj, connect(asked.target.given), asked)
    write_attributes(deployer_attribute_file, obj, name=asked.target.path, flow_name=obj.flow.name)


def deploy(
    obj: CliState,
    site: Site,
    asked: Creation,
    agree: Callable[[Record], object] = lambda _: None,
) -> DeploymentResult:
    """Survey the place, compile the flow for it, and put it there, saying so.

    Nothing is changed anywhere before all of it was checked. `agree` may object to the record of
    what is going to be deployed.
    """
    _check(obj, site, asked)
    plan = _survey(site, asked)
    assembled = assemble(obj, asked.target, asked.wanted, plan.token, site)
    agree(assembled.record)
    deployed = carry_out(plan, assembled.saved())
    remember(asked.target.identity, deployed.record.token)
    tell_end(obj, site, deployed, asked.wanted, assembled.document)
    return deployed


def print_document(obj: CliState, asked: Creation) -> None:
    """Print the document that would be deployed: no server is asked, the package is saved."""
    check(obj, asked.wanted)
    token = choose_token(None, asked.target.identity, asked.wish)
    print_json(assemble(obj, asked.target, asked.wanted, token).saved())


def _check(obj: CliState, site: Site, asked: Creation) -> None:
    """Look at all that needs no look at the place: the server's version, the flow, the metadata service."""
    remark = check_server(site.host, site.version)
    check(obj, asked.wanted)
    check_service(obj)
    tell_beginning(obj, site, remark)


def _survey(site: Site, asked: Creation) -> DeploymentPlan:
    from metaflow.util import get_username

    return survey(
        site.windmill,
        asked.target.path,
        asked.target.identity,
        owner=get_username(),
        user=site.user,
        wish=asked.wish,
        secrets=asked.wanted.references(),
    )
