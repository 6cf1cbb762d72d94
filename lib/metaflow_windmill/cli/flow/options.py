"""The options that commands share, and what they come to: option, environment, Metaflow config, default."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from metaflow._vendor import click
from metaflow.metaflow_config_funcs import from_conf

from metaflow_windmill.cli.flow.python_words import FROM_PYTHON
from metaflow_windmill.client.site import (
    COMMAND,
    DEFAULT_HOST,
    DEFAULT_WORKSPACE,
    DEPLOYER,
    find_address,
    open_site,
)
from metaflow_windmill.deploy.access import sign_in
from metaflow_windmill.deploy.names import DEFAULT_FOLDER
from metaflow_windmill.errors import Unauthorized

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from metaflow_windmill.client.models import Flow, User
    from metaflow_windmill.client.site import Ways
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.compiler import Limits


@dataclass(frozen=True)
class Given:
    """Options as they were given, each None where it was not; the group's stand in for a command's."""

    host: str | None = None
    token: str | None = field(default=None, repr=False)
    workspace: str | None = None
    name: str | None = None
    folder: str | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Given:
        """Pick them from all options of a command."""
        names = ("windmill_host", "windmill_token", "windmill_workspace", "name", "folder")
        return cls(*(options.get(name) for name in names))

    def over(self, other: Given) -> Given:
        """Return these options, with the other's where nothing was given."""
        pairs = {key: getattr(self, key) or getattr(other, key) for key in self.__dataclass_fields__}
        return Given(**pairs)


@dataclass(frozen=True)
class Server:
    """A workspace of a server; nothing is asked yet."""

    windmill: Windmill
    host: str
    ways: Ways

    @property
    def workspace(self) -> str:
        """The workspace's id."""
        return self.windmill.workspace

    @cached_property
    def user(self) -> User:
        """Whom the token belongs to; `sign_in` says what it raises."""
        return sign_in(self.windmill, self.host, self.ways)

    def find_flow(self, path: str) -> Flow | None:
        """Return a flow or None. Whose the token is is asked only where there is no flow: to say why.

        Raises
        ------
        WindmillError
            As `sign_in` does.
        """
        try:
            found = self.windmill.find_flow(path)
        except Unauthorized:
            _ = self.user
            raise
        if found is None:
            _ = self.user
        return found


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


def folder_of(given: Given) -> str:
    """Return the folder that flows are deployed into."""
    return given.folder or str(from_conf("WINDMILL_FOLDER", DEFAULT_FOLDER))


def limits() -> Limits:
    """Return up to where choices are written with arms.

    ``METAFLOW_WINDMILL_CHOICES=rows`` has all of them written as rows: with it, small flows show
    what otherwise only large ones do. `scripts/fuzz` uses it.
    """
    from metaflow_windmill.compiler import Limits  # which most commands have no use for

    return Limits(0, 0) if from_conf("WINDMILL_CHOICES", "") == "rows" else Limits()
