"""``metaflow-windmill install``: the workspace's scripts, through the API."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from metaflow_windmill.client.site import (
    DEFAULT_HOST,
    DEFAULT_WORKSPACE,
    TOOL,
    find_address,
    open_site,
)
from metaflow_windmill.deployment.placed.server_support import check_server
from metaflow_windmill.errors import DeployError
from metaflow_windmill.workspace.installing.installer import Installer
from metaflow_windmill.workspace.installing.script_scopes import for_release
from metaflow_windmill.workspace.installing.shipped import requirement, shipment

if TYPE_CHECKING:
    import argparse

    from metaflow_windmill.workspace.installing.installer import InstallStep


EXAMPLES = ("metaflow-windmill install --dry-run", "metaflow-windmill install --workspace team --yes")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--host", help=f"address of the server [WINDMILL_HOST, default {DEFAULT_HOST}]")
    parser.add_argument("--workspace", help=f"[WINDMILL_WORKSPACE, default {DEFAULT_WORKSPACE}]")
    parser.add_argument(
        "--package",
        default="",
        metavar="SPEC",
        help="take the library from the address of a wheel or of a git repository, or from the path of a "
        "wheel that the workers see (default: the library that you run travels with the scripts)",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask (default: off)")
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would change, and change nothing (default: off)"
    )


def run(said: argparse.Namespace) -> int:
    """Show what would change, ask, and do it.

    Raises
    ------
    MetaflowWindmillError
        If the workspace cannot be reached or does not let us, or the answer is needed and nobody is asked.
    """
    shipped = shipment(requirement(said.package) if said.package else "")
    site = open_site(find_address(said.host, None, said.workspace), TOOL)
    host, workspace, _ = site.host, site.workspace, site.user
    if remark := check_server(host, site.version):
        print(f"Note: {remark}.", file=sys.stderr)
    wanted = for_release(shipped, site.version.numbers if site.version else ())
    installer = Installer(site.windmill.transport, workspace)
    steps = installer.plan(wanted)
    for step in steps:
        _show(step)
    if not steps:
        installer.wait(script.path for script in wanted.scripts)
        print(f"Everything is there already, in the workspace {workspace} of {host}.")
    elif said.dry_run:
        print("Nothing was changed.")
    elif not (said.yes or _agreed(workspace, host)):
        print("Nothing was changed.")
        return 1
    else:
        installer.carry_out(steps, print)
        installer.wait(script.path for script in wanted.scripts)
        print(f"f/metaflow is up to date in the workspace {workspace} of {host}.")
    return 0


def _show(step: InstallStep) -> None:
    print(step.summary)
    if step.diff:
        print("".join(f"    {line}\n" for line in step.diff.splitlines()), end="")


def _agreed(workspace: str, host: str) -> bool:
    if not sys.stdin.isatty():
        raise DeployError(
            "Nobody is here to be asked. Add --yes to make these changes, or --dry-run to see them."
        )
    return input(f"Make these changes in the workspace {workspace} of {host}? [y/N] ").strip().lower() in {
        "y",
        "yes",
    }
