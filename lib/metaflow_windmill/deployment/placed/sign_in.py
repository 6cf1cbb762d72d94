"""Whom a token belongs to, told apart from a wrong token and from a workspace that is not there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from metaflow_windmill.client.site import COMMAND
from metaflow_windmill.deployment.placed.server_version import version_of
from metaflow_windmill.errors import NotFound, Unauthorized, WindmillError

if TYPE_CHECKING:
    from metaflow_windmill.client.models import Flow, User
    from metaflow_windmill.client.site import Ways
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.deployment.placed.server_version import ServerVersion


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
