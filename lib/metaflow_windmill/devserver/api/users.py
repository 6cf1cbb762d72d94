"""``/users``: who asks, and the tokens that people make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.api.replies import as_json, as_text
from metaflow_windmill.devserver.api.routing import Endpoint, W
from metaflow_windmill.devserver.catalog import tokens
from metaflow_windmill.devserver.store.clock import iso, now

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.devserver.api.call import Call


def whoami(call: Call) -> Response:
    """Say who the caller is in a workspace."""
    return as_json(
        {
            "workspace_id": call.workspace,
            "email": call.bearer.email,
            "username": call.bearer.username,
            "is_admin": True,
            "is_super_admin": call.bearer.super_admin,
            "created_at": iso(now()),
            "groups": [],
            "operator": False,
            "disabled": False,
            "role": "superadmin" if call.bearer.super_admin else "admin",
            "folders_read": [],
            "folders": [],
            "folders_owners": [],
            "name": None,
            "is_service_account": False,
            "non_member": call.bearer.super_admin,
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
    asked = call.fields()
    with call.services.database.write() as connection:
        return as_text(tokens.create(connection, call.bearer, asked), 201)


def list_tokens(call: Call) -> Response:
    """Show the caller's tokens by their beginnings."""
    return as_json(tokens.listed(call.services.database.read(), call.bearer.email))


def delete_token(call: Call) -> Response:
    """End a token."""
    prefix = call.path["prefix"]
    with call.services.database.write() as connection:
        gone = tokens.delete(connection, call.bearer.email, prefix)
    return as_text(f"Deleted {gone} tokens {prefix}")


ENDPOINTS = (
    Endpoint("GET", f"{W}/users/whoami", whoami),
    Endpoint("GET", "/api/users/whoami", global_whoami),
    Endpoint("GET", "/api/users/email", email),
    Endpoint("POST", "/api/users/tokens/create", create_token),
    Endpoint("GET", "/api/users/tokens/list", list_tokens),
    Endpoint("DELETE", "/api/users/tokens/delete/{prefix}", delete_token),
)
