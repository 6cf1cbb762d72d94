"""``create``: compile the flow and deploy it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metaflow._vendor import click

from metaflow_windmill.cli.flow.options.attributes import attribute_option, write_attributes
from metaflow_windmill.cli.flow.options.shared import connect, place_options, server_options
from metaflow_windmill.cli.flow.options.tokens import remember, token_options, wish_of, wish_options
from metaflow_windmill.cli.flow.options.wanted import flow_options
from metaflow_windmill.cli.flow.telling.packing import advice
from metaflow_windmill.cli.flow.telling.showing import in_python
from metaflow_windmill.client.pages import flow_page
from metaflow_windmill.deployment.assembled.assemble import (
    check,
    compile_document,
    record_of,
    schedule_remark,
    with_package,
)
from metaflow_windmill.deployment.assembled.deployment import Given, Meant, meant
from metaflow_windmill.deployment.assembled.service import check_service, remark_on_headers
from metaflow_windmill.deployment.assembled.wanted import Wanted
from metaflow_windmill.deployment.described.names import token_prefix
from metaflow_windmill.deployment.described.notifications import secrets_of
from metaflow_windmill.deployment.described.priority import check_priority
from metaflow_windmill.deployment.described.secrets import check_secrets, read_secrets
from metaflow_windmill.deployment.placed.newer import for_server
from metaflow_windmill.deployment.placed.ownership import TokenWish, choose_token
from metaflow_windmill.deployment.placed.schedule import Change
from metaflow_windmill.deployment.placed.server_version import check_document, check_server, version_of
from metaflow_windmill.deployment.placed.upsert import Deployed, carry_out, survey
from metaflow_windmill.package.save import CodePackage
from metaflow_windmill.terminal.speech import flow_command, print_json, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.deployment.placed.access import Server
    from metaflow_windmill.internals.deploying import CliState


def deploy_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that ``create`` and ``run`` share."""
    for add in (token_options, flow_options, place_options, server_options):
        command = add(command)
    return command


@dataclass(frozen=True)
class Deployment:
    """A deployment that was made, and the server that it was made on."""

    server: Server
    meant: Meant
    deployed: Deployed

    @property
    def page(self) -> str:
        """The address of the flow's page."""
        return flow_page(self.server.host, self.server.workspace, self.deployed.path)


def deploy(
    obj: CliState,
    target: Meant,
    wanted: Wanted,
    wish: TokenWish,
    agree: Callable[[Record], object] = lambda _: None,
) -> Deployment:
    """Lint, look at the place, compile, save the package, and deploy, saying so.

    Nothing is changed anywhere before all of it was checked. `agree` may object to the record of
    what is going to be deployed.
    """
    from metaflow.util import get_username

    server = connect(target.given)
    version = version_of(server.windmill)
    remark = check_server(server.host, version)
    check(obj, wanted)
    check_service(obj)
    say(obj, f"Deploying {obj.flow.name} to Windmill at {server.host}...", bold=True)
    if remark:
        say(obj, f"Note: {remark}.")
    place = survey(
        server.windmill,
        target.path,
        target.identity,
        owner=get_username(),
        user=server.user,
        wish=wish,
    )
    check_secrets(server.windmill, (*read_secrets(wanted.secrets), *secrets_of(wanted.notifications)))
    check_priority(server.windmill, wanted.workflow_priority)
    package = CodePackage(obj)
    document = compile_document(obj, target, wanted, place.token, package)
    check_document(server.host, version, document["value"])
    document = {**document, "value": for_server(document["value"], version.numbers if version else ())}
    agree(record_of(document))
    document = with_package(document, package)
    deployed = carry_out(server.windmill, document, place)
    remember(target.identity, deployed.record.token)
    made = Deployment(server, target, deployed)
    _say(obj, made, wanted.secrets)
    told = "" if deployed.created or wanted.pack else advice(server.windmill, target.path, document["value"])
    if told:
        say(obj, f"Note: {told}.")
    return made


def only_document(obj: CliState, target: Meant, wanted: Wanted, wish: TokenWish) -> None:
    """Print the document that would be deployed: no server is asked, the package is saved."""
    check(obj, wanted)
    prefix = token_prefix(target.identity)
    token = choose_token(None, prefix, wish, is_project=target.identity.project is not None)
    package = CodePackage(obj)
    print_json(with_package(compile_document(obj, target, wanted, token, package), package))


@flow_command(
    "Compile this flow and deploy it to Windmill.",
    deploy_options,
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
    only_json: bool,
    deployer_attribute_file: str | None,
    **options: Any,  # noqa: ANN401
) -> None:
    """Deploy, or print what would be deployed."""
    target, wanted = meant(obj, Given.of(options)), Wanted.of(options)
    wish = wish_of(target.identity, **wish_options(options))
    if only_json:
        only_document(obj, target, wanted, wish)
    else:
        deploy(obj, target, wanted, wish)
    write_attributes(deployer_attribute_file, obj, name=target.path, flow_name=obj.flow.name)


def _say(obj: CliState, made: Deployment, secrets: Iterable[str]) -> None:
    deployed, record = made.deployed, made.deployed.record
    if deployed.folder_made:
        say(obj, f"Made the folder {'/'.join(deployed.path.split('/')[:2])}, which was not there.")
    done = "is deployed" if deployed.created else "is deployed again"
    say(obj, f"{record.flow} {done} as {deployed.path}. Its page:", bold=True)
    say(obj, made.page, indent=True)
    say(obj, "In Python its runs are read after this line, or after namespace(None), for the runs of all:")
    say(obj, in_python(record.token), fg="green", indent=True)
    if record.datastore.type == "local":
        say(
            obj,
            f"Its data is kept in {record.datastore.root}: every worker must see this directory "
            "under this very path. Choose another datastore if it does not.",
        )
    remark_on_headers(obj, secrets)
    _say_schedule(obj, deployed)


def _say_schedule(obj: CliState, deployed: Deployed) -> None:
    schedule = deployed.record.schedule
    if schedule is not None:
        state = " The schedule is suspended; `windmill unsuspend` turns it on." if deployed.suspended else ""
        say(obj, f"It runs by itself at {schedule.cron!r}, {schedule.timezone}.{state}")
        if remark := schedule_remark(obj.flow):
            say(obj, f"Note: {remark}.")
    elif deployed.schedule is Change.REMOVED:
        say(obj, "Its schedule was removed; it runs when it is triggered.")
    elif not deployed.record.events:
        say(obj, f"It runs when it is triggered. Do that with `{_trigger_of(deployed.record)}`.")
    _say_events(obj, deployed)


def _trigger_of(record: Record) -> str:
    """Return the command that starts a run, with what it cannot do without."""
    needed = [info.name for info in record.parameters if info.required and info.default is None]
    return " ".join(["windmill trigger", *(f"--{name} ..." for name in needed)])


def _say_events(obj: CliState, deployed: Deployed) -> None:
    names = [event.name for event in deployed.record.events]
    if names:
        all_of = "all of these events have come" if len(names) > 1 else "this event comes"
        say(obj, f"It runs by itself when {all_of}: {', '.join(names)}.")
    elif deployed.subscription is Change.REMOVED:
        say(obj, "No event starts it any more.")
