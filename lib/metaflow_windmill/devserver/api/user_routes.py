"""``/users``: who asks, and the tokens that people make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.api.auth import require_super_admin
from metaflow_windmill.devserver.api.replies import as_json, as_text
from metaflow_windmill.devserver.api.routing import Endpoint, W
from metaflow_windmill.devserver.catalog import members, tokens
from metaflow_windmill.devserver.refusals import denied, not_found
from metaflow_windmill.devserver.store.clock import iso, now

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.devserver.api.call import Call


def whoami(call: Call) -> Response:
    """Say who the caller is in a workspace."""
    member = members.find(call.services.database.read(), call.workspace, call.bearer.email)
    return as_json(
        {
            "workspace_id": call.workspace,
            "email": call.bearer.email,
            "username": call.who.username,
            "is_admin": call.who.is_admin,
            "is_super_admin": call.bearer.super_admin,
            "created_at": iso(member.created_at if member else now()),
            "groups": ["all"] if member else [],
            "operator": bool(member and member.operator),
            "disabled": False,
            "role": "superadmin" if call.bearer.super_admin else None,
            "folders_read": [],
            "folders": [],
            "folders_owners": [],
            "name": None,
            "is_service_account": False,
            "non_member": member is None,
        }
    )


def global_whoami(call: Call) -> Response:
    """Say who the caller is."""
    return as_json(
        {
            "email": call.bearer.email,
            "username": call.bearer.username,
            "login_type": "password",
            "super_admin": call.bearer.super_admin,
            "verified": True,
            "name": None,
            "company": None,
        }
    )


def email(call: Call) -> Response:
    """Say the caller's address."""
    return as_text(call.bearer.email)


def create_token(call: Call) -> Response:
    """Make a token."""
    return as_text(call.write(tokens.create, call.bearer, call.fields()), 201)


def impersonate(call: Call) -> Response:
    """Make a token of somebody else; for the superadmin."""
    require_super_admin(call.bearer)
    return as_text(call.write(tokens.impersonate, call.fields("impersonate_email")), 201)


def add_user(call: Call) -> Response:
    """Take somebody into the workspace; for its admins."""
    _require_admin(call)
    made = call.write(members.add, call.workspace, call.fields("email", "is_admin", "operator"))
    return as_text(f"user with email {made.email} added", 201)


def remove_user(call: Call) -> Response:
    """Take somebody out of the workspace; for its admins."""
    _require_admin(call)
    name = call.path["username"]
    if not call.write(members.remove, call.workspace, name):
        raise not_found(f"User {name} not found")
    return as_text(f"username {name} deleted")


def _require_admin(call: Call) -> None:
    if not call.who.is_admin:
        raise denied("this needs an admin of the workspace")


def list_tokens(call: Call) -> Response:
    """Show the caller's tokens by their beginnings."""
    return as_json(tokens.listed(call.services.database.read(), call.bearer.email))


def delete_token(call: Call) -> Response:
    """End a token."""
    prefix = call.path["prefix"]
    gone = call.write(tokens.delete, call.bearer.email, prefix)
    return as_text(f"Deleted {gone} tokens {prefix}")


ENDPOINTS = (
    Endpoint("GET", f"{W}/users/whoami", whoami),
    Endpoint("GET", "/api/users/whoami", global_whoami),
    Endpoint("GET", "/api/users/email", email),
    Endpoint("POST", "/api/users/tokens/create", create_token),
    Endpoint("POST", "/api/users/tokens/impersonate", impersonate),
    Endpoint("POST", f"{W}/workspaces/add_user", add_user),
    Endpoint("DELETE", W + "/users/delete/{username}", remove_user),
    Endpoint("GET", "/api/users/tokens/list", list_tokens),
    Endpoint("DELETE", "/api/users/tokens/delete/{prefix}", delete_token),
)
