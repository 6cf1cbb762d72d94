"""How the commands that start a run and stay follow it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow._vendor import click

from metaflow_windmill.cli.flow.options.shared import handed_on
from metaflow_windmill.cli.flow.telling.following import FollowOptions

if TYPE_CHECKING:
    from metaflow_windmill.cli.flow.options.shared import Decorator


def follow_options(run: str = "the run") -> Decorator:
    """Return what adds how a run is followed, for a command that gets it as `following`."""
    wait = {"default": True, "show_default": True, "help": f"Follow {run}; the exit status is its outcome."}
    quiet = "Do not show what the tasks of the run print."
    options = (
        click.option("--wait/--no-wait", **wait),
        click.option("--max-wait", default=None, type=float, help="Follow for this many seconds at most."),
        click.option("--quiet-tasks", is_flag=True, default=False, help=quiet),
    )
    names = {name: name for name in ("wait", "max_wait", "quiet_tasks")}
    return handed_on(*options, names=names, make=FollowOptions, into="following")
