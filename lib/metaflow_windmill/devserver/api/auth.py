"""Who asks: a token in the header, in the query or in the cookie of a page."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.api.services import EMAIL, USER
from metaflow_windmill.devserver.catalog import members, tokens
from metaflow_windmill.devserver.model import Actor
from metaflow_windmill.devserver.refusals import denied, unauthorized

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import HTTPConnection

    from metaflow_windmill.devserver.api.services import Services

NOBODY = tokens.Bearer("anonymous", "")
"""Who asks where no token is needed."""


def said_token(request: HTTPConnection) -> str | None:
    """Return the token that a request carries: in the header, the query or the cookie of a page."""
    return said_token_of(request.headers, request.query_params) or request.cookies.get(cookie_name(request))


def cookie_name(request: HTTPConnection) -> str:
    """Return the name of the pages' cookie: by port, since servers on one machine share its cookies."""
    return f"token_{request.url.port or 80}"


def said_token_of(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """Return the token in a header or else in the query."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and given:
        return given.strip()
    return query.get("token")


def bearer_of(services: Services, token: str | None) -> tokens.Bearer:
    """Return whom a token stands for.

    Raises
    ------
    RequestRefused
        401 if there is no token, or it is unknown, expired or of a job that has ended.
    """
    found = None if not token else _found(services, token)
    if found is None:
        raise unauthorized()
    return found


def identity(services: Services, bearer: tokens.Bearer, workspace: str) -> Actor:
    """Return who acts in a workspace; outside of any where it is empty.

    The scopes of a person's token are not part of it: they bound what a request may ask for, and the jobs
    that it starts may do all that their user may, as on a real server. Else a token that may only run a flow
    could not run it. Those of a job's token are: what it starts inherits its restriction (the API's
    description of ``job_token_scopes``).

    Raises
    ------
    RequestRefused
        401 if a person's token belongs to another workspace, or to one where none is asked; a job's opens
        what is outside of workspaces too. Or if somebody who is no superadmin is not in the workspace.
    """
    if bearer.workspace not in (None, workspace) and (workspace or bearer.job is None):
        raise unauthorized()
    scopes = None if bearer.job is None else bearer.scopes
    if bearer.super_admin or bearer == NOBODY or not workspace:
        return Actor(bearer.username, bearer.email, workspace, scopes=scopes)
    member = members.find(services.database.read(), workspace, bearer.email)
    if member is None:
        raise unauthorized()
    return Actor(member.username, member.email, workspace, member.is_admin, scopes)


def require_super_admin(bearer: tokens.Bearer) -> None:
    """Let only a token through that may do everything.

    Raises
    ------
    RequestRefused
        403 otherwise.
    """
    if not bearer.super_admin:
        raise denied("this needs a token of a superadmin")


def _found(services: Services, token: str) -> tokens.Bearer | None:
    if hmac.compare_digest(tokens.hashed(token), services.own_token):
        return tokens.Bearer(USER, EMAIL, super_admin=True)
    return services.job_tokens.find(token) or tokens.find(services.database.read(), token)
