"""``/folders``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.api.replies import as_text
from metaflow_windmill.devserver.api.routing import Endpoint, W
from metaflow_windmill.devserver.api.views import changes, lists_all, shows
from metaflow_windmill.devserver.catalog import folders

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.devserver.api.call import Call


def create(call: Call) -> Response:
    """Make a folder."""
    asked = call.fields("name")
    return as_text(f"Created folder {call.write(folders.create, call.who, asked)}")


def update(call: Call) -> Response:
    """Change a folder."""
    name, asked = call.path["name"], call.fields()
    call.write(folders.update, call.workspace, name, asked)
    return as_text(f"Successfully updated folder at name {name}")


def add_owner(call: Call) -> Response:
    """Give a folder one more owner."""
    name, owner = call.path["name"], call.fields("owner")["owner"]
    with call.services.database.write() as connection:
        old = folders.get(connection, call.workspace, name)
        owners = sorted({*old["owners"], owner})
        asked = {"owners": owners, "extra_perms": {**old["extra_perms"], owner: True}}
        folders.update(connection, call.workspace, name, asked)
    return as_text(f"Added {owner} to folder {name}")


delete = changes(folders.delete, "delete folder at name {}", "name")


ENDPOINTS = (
    Endpoint("POST", f"{W}/folders/create", create),
    Endpoint("GET", f"{W}/folders/list", lists_all(folders.listed)),
    Endpoint("GET", f"{W}/folders/listnames", lists_all(folders.listed, "name")),
    Endpoint("GET", W + "/folders/exists/{name}", shows(folders.exists, "name")),
    Endpoint("GET", W + "/folders/get/{name}", shows(folders.get, "name"), "folders:read"),
    Endpoint("POST", W + "/folders/update/{name}", update),
    Endpoint("POST", W + "/folders/addowner/{name}", add_owner),
    Endpoint("DELETE", W + "/folders/delete/{name}", delete),
)
