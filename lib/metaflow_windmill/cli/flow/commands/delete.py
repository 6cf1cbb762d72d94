"""``delete``: take the deployed flow away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.cli.flow.deployed import authorize_option, deployed, yes_option
from metaflow_windmill.cli.flow.options.shared import server_options
from metaflow_windmill.deployment.placed.schedule import Change
from metaflow_windmill.deployment.placed.subscription import remove_subscription
from metaflow_windmill.terminal.speech import confirm, flow_command, say

if TYPE_CHECKING:
    from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions
    from metaflow_windmill.internals.deploying import CliState


@flow_command(
    "Delete the deployed flow, its history and its schedule. Its runs and their data stay.",
    server_options,
    authorize_option,
    yes_option,
    examples=("delete", "delete --yes"),
)
def command(obj: CliState, *, given: TargetOptions, authorize: str | None, yes: bool) -> None:
    """Delete the schedule first: one without a flow would go on failing."""
    found = deployed(obj, given)
    found.check_allowed(authorize, "delete")
    confirm(f"Delete {found.path} on {found.site.host}, with its history and schedule?", yes=yes)
    if found.site.windmill.schedules.find(found.path):
        found.site.windmill.schedules.delete(found.path)
        say(obj, "Its schedule is deleted.")
    if remove_subscription(found.site.windmill, found.path) is Change.REMOVED:
        say(obj, "No event starts it any more.")
    found.site.windmill.delete_flow(found.path)
    say(
        obj,
        f"{found.path} is deleted. Runs that are under way go on; only Windmill's pages can stop them now.",
    )
