"""``history`` and ``rollback``: the versions of the deployed flow, and back to one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metaflow._vendor import click

from metaflow_windmill.cli.flow.deployed import (
    Deployment,
    authorize_option,
    deployed,
    json_option,
    yes_option,
)
from metaflow_windmill.cli.flow.options.shared import server_options
from metaflow_windmill.cli.flow.telling.showing import time_json, time_text
from metaflow_windmill.deployment.placed.difference import as_document
from metaflow_windmill.deployment.placed.ownership import our_record, record_in
from metaflow_windmill.deployment.placed.survey import DeploymentPlan
from metaflow_windmill.deployment.placed.upsert import carry_out
from metaflow_windmill.errors import DeployError, InvalidDocument, NotFound
from metaflow_windmill.terminal.speech import confirm, flow_command, print_json, print_table, say

if TYPE_CHECKING:
    from metaflow_windmill.client.models import Flow, FlowVersion
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions
    from metaflow_windmill.internals.deploying import CliState

LIMIT = 20
HEADS = ("version", "deployed", "by", "package", "message")


@flow_command(
    "List the versions of the deployed flow, newest first.",
    server_options,
    click.option("--limit", default=LIMIT, show_default=True, type=int, help="Most versions to list."),
    json_option,
    examples=("history", "history --limit 5 --json"),
)
def history(obj: CliState, *, given: TargetOptions, limit: int, as_json: bool) -> None:
    """Print a table or JSON."""
    found = deployed(obj, given)
    listed = found.site.windmill.flow_history(found.path)[:limit]
    versions = [(version, _record(found, version)) for version in listed]
    if as_json:
        print_json([_json(version, record) for version, record in versions])
    else:
        print_table(HEADS, [_row(version, record) for version, record in versions])


@flow_command(
    "Deploy an earlier version of the flow again, with its parameters, code package and schedule.",
    server_options,
    authorize_option,
    yes_option,
    click.argument("version", type=int),
    examples=("rollback 12", "rollback 12 --yes"),
)
def rollback(obj: CliState, *, given: TargetOptions, version: int, authorize: str | None, yes: bool) -> None:
    """Make a new version that equals an old one; nothing of the history is lost."""
    from metaflow.util import get_username

    found = deployed(obj, given)
    found.check_allowed(authorize, "roll back")
    old = _version(found, version)
    our_record(old, found.meant.identity)
    if version == found.flow.version:
        raise DeployError(f"version {version} of {found.path} is the one that is deployed")
    confirm(f"Deploy version {version} of {found.path} again on {found.site.host}?", yes=yes)
    plan = DeploymentPlan(found.site.windmill, found.path, found.flow, found.record.token, found.site.user)
    message = f"version {version} again, by {get_username()}"
    done = carry_out(plan, as_document(old), message)
    say(obj, f"{found.path} is as it was in version {version}; this is version {done.version}.")


def _version(found: Deployment, version: int) -> Flow:
    try:
        flow = found.site.windmill.get_flow_version(version)
    except NotFound:
        flow = None
    if flow is None or flow.path != found.path:
        raise DeployError(f"{found.path} has no version {version}; `windmill history` lists what it has")
    return flow


def _record(found: Deployment, version: FlowVersion) -> Record | InvalidDocument | None:
    """Return the record of a version, or why it cannot be read; None if there is none."""
    try:
        return record_in(found.site.windmill.get_flow_version(version.id).value)
    except InvalidDocument as why:
        return why
    except NotFound:
        return None


def _row(version: FlowVersion, record: Record | InvalidDocument | None) -> tuple[str, ...]:
    when = time_text(version.created_at)
    if isinstance(record, InvalidDocument):
        return (str(version.id), when, "", "", f"{version.message} ({record})".strip())
    owner, sha = (record.owner, record.package.sha[:12]) if record else ("", "")
    return (str(version.id), when, owner, sha, version.message)


def _json(version: FlowVersion, record: Record | InvalidDocument | None) -> dict[str, Any]:
    if isinstance(record, InvalidDocument):
        return {**_json(version, None), "unreadable": str(record)}
    return {
        "version": version.id,
        "deployed_at": time_json(version.created_at),
        "message": version.message,
        "owner": record.owner if record else None,
        "package": record.package.sha if record else None,
        "commit": record.git.commit if record and record.git else None,
    }
