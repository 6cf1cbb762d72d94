"""The options that commands share, and what they come to: option, environment, Metaflow config, default."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from metaflow._vendor import click

from metaflow_windmill.client.site import (
    COMMAND,
    DEFAULT_HOST,
    DEFAULT_WORKSPACE,
    DEPLOYER,
    find_address,
    open_site,
)
from metaflow_windmill.deployment.described.names import DEFAULT_FOLDER
from metaflow_windmill.deployment.placed.access import Server
from metaflow_windmill.terminal.python_words import FROM_PYTHON

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow_windmill.deployment.assembled.deployment import Given


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which Windmill is meant."""
    for add in (
        click.option(
            "--windmill-workspace", default=None, help=f"[WINDMILL_WORKSPACE, default {DEFAULT_WORKSPACE}]"
        ),
        click.option(
            "--windmill-token",
            default=None,
            help="[WINDMILL_TOKEN] Better in the environment: others may see the command line.",
        ),
        click.option(
            "--windmill-host",
            default=None,
            help=f"Address of the server. [WINDMILL_HOST, default {DEFAULT_HOST}]",
        ),
    ):
        command = add(command)
    return command


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where the flow is deployed."""
    for add in (
        click.option(
            "--folder",
            default=None,
            help=f"Folder of the deployed flow. [METAFLOW_WINDMILL_FOLDER, default {DEFAULT_FOLDER}]",
        ),
        click.option("--name", default=None, help="Name of the deployment instead of the flow's name."),
    ):
        command = add(command)
    return command


def server_of(given: Given) -> Server:
    """Return the server that the options mean.

    Raises
    ------
    WindmillError
        If they mean none.
    """
    ways = DEPLOYER if os.environ.get(FROM_PYTHON) else COMMAND
    site = open_site(find_address(given.host, given.token, given.workspace), ways)
    return Server(site.windmill, site.host, ways)


def connect(given: Given) -> Server:
    """Return the server that the options mean, once it has let us in.

    Raises
    ------
    WindmillError
        With a sentence on what is missing or wrong.
    """
    server = server_of(given)
    _ = server.user
    return server
