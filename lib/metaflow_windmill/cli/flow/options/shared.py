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
    from typing import TypeAlias

    from metaflow_windmill.types import Json

    Decorator: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]

_SERVER = (
    click.option(
        "--windmill-host",
        default=None,
        help=f"Address of the server. [WINDMILL_HOST, default {DEFAULT_HOST}]",
    ),
    click.option(
        "--windmill-token",
        default=None,
        help="[WINDMILL_TOKEN] Better in the environment: others may see the command line.",
    ),
    click.option(
        "--windmill-workspace", default=None, help=f"[WINDMILL_WORKSPACE, default {DEFAULT_WORKSPACE}]"
    ),
)
_PLACE = (
    click.option("--name", default=None, help="Name of the deployment instead of the flow's name."),
    click.option(
        "--folder",
        default=None,
        help=f"Folder of the deployed flow. [METAFLOW_WINDMILL_FOLDER, default {DEFAULT_FOLDER}]",
    ),
)
_NAMES = {f"windmill_{name}": name for name in ("host", "token", "workspace")}


def handed_on(
    *options: Decorator, names: Mapping[str, str], make: Callable[..., object], into: str
) -> Decorator:
    """Return what adds options whose values a command gets in one argument.

    Parameters
    ----------
    *options : callable
        What `click.option` returns, in the order of the help.
    names : mapping of str to str
        By the name of each option, that of the value for `make`.
    make : callable
        Makes the argument of the values.
    into : str
        The name of the argument.
    """

    def add_to(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def handing_on(*args: object, **values: Json) -> object:
            made = make(**{name: values.pop(option) for option, name in names.items()})
            return command(*args, **{into: made}, **values)

        decorated: Callable[..., Any] = handing_on
        for add in reversed(options):
            decorated = add(decorated)
        return decorated

    return add_to


server_options = handed_on(*_SERVER, names=_NAMES, make=TargetOptions, into="given")
"""Which Windmill is meant; the command gets it as `given`."""
target_options = handed_on(
    *_SERVER, *_PLACE, names={**_NAMES, "name": "name", "folder": "folder"}, make=TargetOptions, into="given"
)
"""Which Windmill is meant, and where in it; the command gets it as `given`."""


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
