"""``/variables``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.api.body import TEXT
from metaflow_windmill.devserver.api.replies import as_json, as_text
from metaflow_windmill.devserver.api.routing import Endpoint, W
from metaflow_windmill.devserver.api.views import changes, lists_below, shows
from metaflow_windmill.devserver.catalog import variables
from metaflow_windmill.devserver.catalog.scopes import Need
from metaflow_windmill.devserver.refusals import there

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.devserver.api.call import Call


def create(call: Call) -> Response:
    """Make a variable."""
    asked = call.fields("path", "value", "is_secret", value=TEXT)
    call.require(Need("variables", "write", path=asked["path"]))
    path = call.write(variables.create, call.services.vault, call.who, asked)
    return as_text(f"variable {path} created", 201)


def get(call: Call) -> Response:
    """Show a variable."""
    decrypt = call.choice("decrypt_secret") is not False
    services = call.services
    shown = variables.get(
        services.database.read(), services.vault, call.workspace, call.path["path"], decrypt=decrypt
    )
    if shown["is_secret"] and decrypt:
        hide(call, shown["value"])
    return as_json(shown)


def get_value(call: Call) -> Response:
    """Show a variable's text."""
    database, path = call.services.database.read(), call.path["path"]
    found = there(call.services.catalog.variable(call.workspace, path), f"Variable {path} not found")
    if variables.is_secret(database, call.workspace, path):
        hide(call, found)
    return as_json(found)


def update(call: Call) -> Response:
    """Change a variable."""
    asked, vault = call.fields(value=TEXT), call.services.vault
    path = call.write(variables.update, vault, call.who, call.path["path"], asked)
    return as_text(f"variable {path} updated (npath: {path})")


def hide(call: Call, secret: str) -> None:
    """Hide a secret in the log of the job that asks for it."""
    if call.bearer.job is not None:
        call.services.logs.mask(call.bearer.job, secret)


delete = changes(variables.delete, "variable {} deleted")


ENDPOINTS = (
    Endpoint("POST", f"{W}/variables/create", create),
    Endpoint("GET", f"{W}/variables/list", lists_below(variables.listed)),
    Endpoint("GET", W + "/variables/get/{path:path}", get, "variables:read"),
    Endpoint("GET", W + "/variables/get_value/{path:path}", get_value, "variables:read"),
    Endpoint("GET", W + "/variables/exists/{path:path}", shows(variables.exists)),
    Endpoint("POST", W + "/variables/update/{path:path}", update, "variables:write"),
    Endpoint("DELETE", W + "/variables/delete/{path:path}", delete, "variables:write"),
)
