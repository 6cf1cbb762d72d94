"""``suspend`` and ``unsuspend``: the schedule off and on again."""

from __future__ import annotations

from functools import partial
from typing import Any

from metaflow_windmill.cli.flow.deployed import authorize_option, deployed
from metaflow_windmill.cli.flow.options import server_options
from metaflow_windmill.cli.flow.speech import flow_command, say
from metaflow_windmill.errors import DeployError


def switch(
    obj: Any,  # noqa: ANN401
    *,
    enabled: bool,
    windmill_host: str | None,
    windmill_token: str | None,
    windmill_workspace: str | None,
    authorize: str | None,
) -> None:
    """Turn the schedule on or off.

    Raises
    ------
    DeployError
        If the flow has none.
    """
    found = deployed(obj, windmill_host, windmill_token, windmill_workspace)
    found.check_allowed(authorize, "change the schedule of")
    schedule = found.server.windmill.find_schedule(found.path)
    if schedule is None:
        raise DeployError(f"{found.path} has no schedule; add @schedule to the flow and create it again")
    if schedule.enabled is not enabled:
        found.server.windmill.enable_schedule(found.path, enabled=enabled)
    state = f"runs by itself at {schedule.cron!r}, {schedule.timezone}" if enabled else "runs on demand only"
    say(obj, f"{found.path} {state}.")


suspend = flow_command(
    "Turn the schedule off, until `unsuspend`; a new deployment leaves it off.",
    server_options,
    authorize_option,
)(partial(switch, enabled=False))

unsuspend = flow_command("Turn the schedule on again.", server_options, authorize_option)(
    partial(switch, enabled=True)
)
