"""The options that commands share, and what they come to: option, environment, Metaflow config, default."""

from __future__ import annotations

import os
from functools import wraps
from typing import TYPE_CHECKING, Any

from metaflow._vendor import click

from metaflow_windmill.client.site import (
    COMMAND,
    DEFAULT_HOST,
    DEFAULT_WORKSPACE,
    DEPLOYER,
    Site,
    find_address,
    open_site,
)
from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions
from metaflow_windmill.deployment.described.names import DEFAULT_FOLDER
from metaflow_windmill.terminal.python_words import FROM_PYTHON

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from metaflow_windmill.types import Json

_SERVER = {
    "host": click.option(
        "--windmill-host",
        default=None,
        help=f"Address of the server. [WINDMILL_HOST, default {DEFAULT_HOST}]",
    ),
    "token": click.option(
        "--windmill-token",
        default=None,
        help="[WINDMILL_TOKEN] Better in the environment: others may see the command line.",
    ),
    "workspace": click.option(
        "--windmill-workspace", default=None, help=f"[WINDMILL_WORKSPACE, default {DEFAULT_WORKSPACE}]"
    ),
}
_PLACE = {
    "name": click.option("--name", default=None, help="Name of the deployment instead of the flow's name."),
    "folder": click.option(
        "--folder",
        default=None,
        help=f"Folder of the deployed flow. [METAFLOW_WINDMILL_FOLDER, default {DEFAULT_FOLDER}]",
    ),
}


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which Windmill is meant; the command gets them as `given`."""
    return _handed_on(command, _SERVER)


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which Windmill is meant, and where in it; the command gets them as `given`."""
    return _handed_on(command, {**_SERVER, **_PLACE})


def _handed_on(command: Callable[..., Any], options: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    """Add options whose values a command gets in one argument, each by its name in `TargetOptions`."""
    by_option = {name if name in _PLACE else f"windmill_{name}": name for name in options}

    @wraps(command)
    def handing_on(*args: object, **values: Json) -> object:
        given = TargetOptions(**{name: values.pop(option) for option, name in by_option.items()})
        return command(*args, given=given, **values)

    decorated: Callable[..., Any] = handing_on
    for add in reversed([*options.values()]):
        decorated = add(decorated)
    return decorated


def server_of(given: TargetOptions) -> Site:
    """Return the server that the options mean.

    Raises
    ------
    WindmillError
        If they mean none.
    """
    ways = DEPLOYER if os.environ.get(FROM_PYTHON) else COMMAND
    return open_site(find_address(given.host, given.token, given.workspace), ways)


def connect(given: TargetOptions) -> Site:
    """Return the server that the options mean, once it has let us in.

    Raises
    ------
    WindmillError
        With a sentence on what is missing or wrong.
    """
    site = server_of(given)
    _ = site.user
    return site
