"""``suspend`` and ``unsuspend``: the schedule off and on again."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from metaflow_windmill.cli.flow.deployed import authorize_option, deployed
from metaflow_windmill.cli.flow.options.shared import server_options
from metaflow_windmill.errors import DeployError
from metaflow_windmill.terminal.speech import flow_command, say

if TYPE_CHECKING:
    from metaflow_windmill.client.models import Schedule
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions
    from metaflow_windmill.internals.deploying import CliState


def switch(obj: CliState, *, enabled: bool, given: TargetOptions, authorize: str | None) -> None:
    """Turn the schedule on or off.

    Raises
    ------
    DeployError
        If the flow has none.
    """
    found = deployed(obj, given)
    found.check_allowed(authorize, "change the schedule of")
    schedule = found.site.windmill.schedules.find(found.path)
    if schedule is None:
        raise DeployError(f"{found.path} has no schedule; add @schedule to the flow and create it again")
    windmill = found.site.windmill
    if enabled and (schedule.paused_until or _acts_for_nobody(windmill, schedule)):
        windmill.schedules.unpause(found.path)
    if schedule.enabled is not enabled:
        windmill.schedules.enable(found.path, enabled=enabled)
    state = f"runs by itself at {schedule.cron!r}, {schedule.timezone}" if enabled else "runs on demand only"
    say(obj, f"{found.path} {state}.")


def _acts_for_nobody(windmill: Windmill, schedule: Schedule) -> bool:
    """Tell whether the one whose rights the runs have is not in the workspace any more."""
    members = windmill.members()
    return bool(members) and schedule.owner not in {*members, ""}


suspend = flow_command(
    "Turn the schedule off, until `unsuspend`; a new deployment leaves it off.",
    server_options,
    authorize_option,
    examples=("suspend",),
)(partial(switch, enabled=False))

unsuspend = flow_command(
    "Turn the schedule on again, also before the end of a pause.",
    server_options,
    authorize_option,
    examples=("unsuspend",),
)(partial(switch, enabled=True))
