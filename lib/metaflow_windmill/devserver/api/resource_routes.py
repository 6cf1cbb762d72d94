"""``/resources`` and their types."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.api.replies import as_json, as_text
from metaflow_windmill.devserver.api.routing import Endpoint, W
from metaflow_windmill.devserver.api.variable_routes import hide
from metaflow_windmill.devserver.api.views import changes, lists_all, shows
from metaflow_windmill.devserver.catalog import resources
from metaflow_windmill.devserver.catalog.scopes import Need

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.devserver.api.call import Call


def create(call: Call) -> Response:
    """Make a resource."""
    asked = call.fields("path", "resource_type")
    call.require(Need("resources", "write", path=asked["path"]))
    path = call.write(resources.create, call.who, asked, replace=call.flag("update_if_exists"))
    return as_text(f"resource {path} created", 201)


def get_value(call: Call) -> Response:
    """Show a resource's value as it was written."""
    shown = resources.get(call.services.database.read(), call.workspace, call.path["path"])
    return as_json(shown["value"])


def get_value_interpolated(call: Call) -> Response:
    """Show a resource's value with its references filled in."""
    written = resources.get(call.services.database.read(), call.workspace, call.path["path"])["value"]
    return as_json(call.services.catalog.fill_in(call.workspace, written, partial(hide, call)))


def list_all(call: Call) -> Response:
    """Show a page of the resources, without their values."""
    limit, before = call.page()
    found = resources.listed(
        call.services.database.read(),
        call.workspace,
        resource_type=call.query.get("resource_type"),
        path_start=call.query.get("path_start", ""),
        holding=call.query.get("value"),
    )
    return as_json(found[before : before + limit])


def update(call: Call) -> Response:
    """Change a resource."""
    asked = call.fields()
    path = call.write(resources.update, call.who, call.path["path"], asked)
    return as_text(f"resource {path} updated (npath: {path})")


def update_value(call: Call) -> Response:
    """Change a resource's value."""
    path, value = call.path["path"], call.fields().get("value")
    call.write(resources.update, call.who, path, {"value": value})
    return as_text(f"value of resource {path} updated")


def create_type(call: Call) -> Response:
    """Make a resource type."""
    name = call.write(resources.create_type, call.who, call.fields("name"))
    return as_text(f"resource_type {name} created", 201)


def update_type(call: Call) -> Response:
    """Change a resource type."""
    name = call.path["name"]
    call.write(resources.update_type, call.workspace, name, call.fields())
    return as_text(f"resource_type {name} updated")


def type_exists(call: Call) -> Response:
    """Tell whether a resource type is there."""
    found = resources.types(call.services.database.read(), call.workspace)
    return as_json(call.path["name"] in [row["name"] for row in found])


delete_type = changes(resources.delete_type, "resource_type {} deleted", "name")
delete = changes(resources.delete, "resource {} deleted")


ENDPOINTS = (
    Endpoint("POST", f"{W}/resources/create", create),
    Endpoint("GET", f"{W}/resources/list", list_all),
    Endpoint("POST", f"{W}/resources/type/create", create_type),
    Endpoint("GET", f"{W}/resources/type/list", lists_all(resources.types)),
    Endpoint("GET", f"{W}/resources/type/listnames", lists_all(resources.types, "name")),
    Endpoint("GET", W + "/resources/type/get/{name}", shows(resources.get_type, "name")),
    Endpoint("POST", W + "/resources/type/update/{name}", update_type),
    Endpoint("GET", W + "/resources/type/exists/{name}", type_exists),
    Endpoint("DELETE", W + "/resources/type/delete/{name}", delete_type),
    Endpoint("GET", W + "/resources/get/{path:path}", shows(resources.get), "resources:read"),
    Endpoint("GET", W + "/resources/get_value/{path:path}", get_value, "resources:read"),
    Endpoint(
        "GET", W + "/resources/get_value_interpolated/{path:path}", get_value_interpolated, "resources:read"
    ),
    Endpoint("GET", W + "/resources/exists/{path:path}", shows(resources.exists)),
    Endpoint("POST", W + "/resources/update/{path:path}", update, "resources:write"),
    Endpoint("POST", W + "/resources/update_value/{path:path}", update_value, "resources:write"),
    Endpoint("DELETE", W + "/resources/delete/{path:path}", delete, "resources:write"),
)
