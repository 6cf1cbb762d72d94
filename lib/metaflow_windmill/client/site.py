"""Which Windmill is meant, for whoever asks: by what is said, the environment, Metaflow's configuration.

The commands, the Python API, ``install``, ``doctor`` and events all find it here, so that none of them goes
elsewhere than the others.
"""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.client.http import HttpTransport, base_address, is_local
from metaflow_windmill.client.retrying import Retrying
from metaflow_windmill.client.server_version import version_of
from metaflow_windmill.client.transport import Request
from metaflow_windmill.client.windmill import Windmill
from metaflow_windmill.errors import NotFound, Unauthorized, WindmillError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.client.models import Flow, User
    from metaflow_windmill.client.server_version import ServerVersion

DEFAULT_HOST = "http://localhost:8000"
DEFAULT_WORKSPACE = "admins"

NOBODY = "nobody"
"""Stands for a token where there is none: a server tells its version to everybody."""


@dataclass(frozen=True)
class Ways:
    """What whoever asks can do about a token or a workspace that is missing or wrong, each as a clause."""

    token: str
    workspace: str


COMMAND = Ways("set WINDMILL_TOKEN or give --windmill-token", "set WINDMILL_WORKSPACE")
TOOL = Ways("set WINDMILL_TOKEN", "set WINDMILL_WORKSPACE or give --workspace")
CALL = Ways(
    'set os.environ["WINDMILL_TOKEN"] or pass token=...',
    'set os.environ["WINDMILL_WORKSPACE"] or pass workspace=...',
)
PYTHON = Ways('set os.environ["WINDMILL_TOKEN"]', 'set os.environ["WINDMILL_WORKSPACE"]')
DEPLOYER = Ways(
    'set os.environ["WINDMILL_TOKEN"] or pass windmill_token=... to Deployer(...).windmill()',
    'set os.environ["WINDMILL_WORKSPACE"] or pass windmill_workspace=... to Deployer(...).windmill()',
)


@dataclass(frozen=True)
class Address:
    """Where to go and with what, nothing of it looked at yet."""

    host: str
    token: str = field(repr=False)
    workspace: str = DEFAULT_WORKSPACE


@dataclass(frozen=True)
class Site:
    """A workspace of a server, and the token that opens it; nothing is asked before somebody wants it."""

    windmill: Windmill
    host: str
    ways: Ways = COMMAND

    @property
    def workspace(self) -> str:
        """The workspace's id."""
        return self.windmill.workspace

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead here, but for the token."""
        return {"WINDMILL_HOST": self.host, "WINDMILL_WORKSPACE": self.workspace}

    @cached_property
    def user(self) -> User:
        """Whom the token belongs to; `sign_in` says what it raises."""
        return sign_in(self.windmill, self.host, self.ways)

    @cached_property
    def version(self) -> ServerVersion | None:
        """Its version; None where it cannot be had."""
        return version_of(self.windmill)

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


def find_address(
    host: str | None = None,
    token: str | None = None,
    workspace: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Address:
    """Return the server that is meant, without a look at it.

    Parameters
    ----------
    host, token, workspace : str, optional
        As they were said, None or empty where they were not.
    environment : mapping of str to str, optional
        ``os.environ`` if not given.
    """
    variables = os.environ if environment is None else environment

    def chosen(said: str | None, variable: str, default: str) -> str:
        return said or variables.get(variable) or _configured(variable) or default

    where = chosen(host, "WINDMILL_HOST", DEFAULT_HOST)
    what = chosen(token, "WINDMILL_TOKEN", "") or _token_of_local_server(where)
    return Address(where, what, chosen(workspace, "WINDMILL_WORKSPACE", DEFAULT_WORKSPACE))


def open_site(address: Address, ways: Ways = COMMAND) -> Site:
    """Return the workspace that an address leads to.

    Raises
    ------
    Unreachable
        If the host is no address, or there is no token and no server answers either.
    Unauthorized
        If there is no token, or it cannot be one.
    """
    host = base_address(address.host)
    if not address.token.strip():
        raise _no_token(host, ways)
    return Site(Windmill(Retrying(HttpTransport(host, address.token)), address.workspace), host, ways)


def sign_in(windmill: Windmill, host: str, ways: Ways = COMMAND) -> User:
    """Return the user of a token, after a look at the server, the token and the workspace.

    Parameters
    ----------
    windmill : Windmill
    host : str
    ways : Ways
        What whoever asks can do about it.

    Raises
    ------
    Unreachable
        If the server does not answer.
    Unauthorized
        If the server does not know the token, or not in this workspace.
    NotFound
        If there is no such workspace. Windmill itself takes any name from a superadmin.
    """
    try:
        user = windmill.whoami()
    except Unauthorized as why:
        raise _not_in(windmill, host, why, ways) from None
    if user.non_member and not _there(windmill):
        raise NotFound(f"there is no workspace {windmill.workspace!r} on {host}; {ways.workspace}")
    return user


def _not_in(windmill: Windmill, host: str, why: Unauthorized, ways: Ways) -> Unauthorized:
    if windmill.token_is_known():
        return Unauthorized(
            f"there is no workspace {windmill.workspace!r} on {host}, or your token is not of one of its "
            f"members; {ways.workspace}",
            why.request,
            why.status,
        )
    return Unauthorized(
        f"Windmill at {host} does not know this token; make one in its account settings and {ways.token}. "
        f"One that is bound to a workspace opens only that one, and this is {windmill.workspace!r}",
        why.request,
        why.status,
    )


def _there(windmill: Windmill) -> bool:
    try:
        return windmill.workspace_exists()
    except WindmillError:
        return True  # a token of few rights may not ask; whatever is wrong shows at the next request


def data_home() -> Path:
    """Return where the embedded server keeps its data unless told otherwise."""
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "metaflow-windmill"


def _no_token(host: str, ways: Ways) -> Unauthorized:
    """Return what to say of a token that is not there, once a server is known to be."""
    with closing(HttpTransport(host, NOBODY)) as transport:
        transport.send(Request("GET", "/version"))
    own = " (an embedded server prints its token when it starts)" if is_local(host) else ""
    return Unauthorized(
        f"there is no Windmill token for {host}: {ways.token}; tokens are made in Windmill's account "
        f"settings{own}"
    )


def _token_of_local_server(host: str) -> str:
    """Return the token of an embedded server of this user on this machine, so that nobody has to copy it."""
    if not is_local(host):
        return ""
    try:
        return (data_home() / "token").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _configured(variable: str) -> str:
    """Return what Metaflow's configuration says, nothing where it says nothing."""
    from metaflow.metaflow_config_funcs import from_conf

    return str(from_conf(variable, ""))
