"""``/scripts``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from metaflow_windmill.devserver.api.replies import as_json, as_text
from metaflow_windmill.devserver.api.routing import Endpoint, W
from metaflow_windmill.devserver.api.views import changes_and_shows, lists, lists_all, shows
from metaflow_windmill.devserver.catalog import scripts
from metaflow_windmill.devserver.catalog.scopes import Need
from metaflow_windmill.devserver.model import Submission
from metaflow_windmill.devserver.release import JOB_TOKEN_SCOPES

if TYPE_CHECKING:
    from metaflow_windmill.devserver.api.call import Call


def create(call: Call) -> Response:
    """Deploy a version of a script."""
    asked = call.fields("path", "content", "language")
    if call.services.release < JOB_TOKEN_SCOPES:  # such a server ignores a field that it does not know
        asked.pop("job_token_scopes", None)
    call.require(Need("scripts", "write", path=asked["path"]))
    hash_, is_new = call.write(scripts.create, call.who, asked, skip_noop=call.flag("skip_if_noop"))
    if is_new and not asked.get("lock"):
        _lock(call, hash_)
    return as_text(hash_, 201)


def get_by_hash(call: Call) -> Response:
    """Show one version of a script."""
    shown = scripts.get_by_hash(call.services.database.read(), call.workspace, call.path["hash"])
    call.require(Need("scripts", "read", path=shown["path"]))
    return as_json(shown)


def raw(call: Call) -> Response:
    """Show the text of a script; jobs import each other's modules by this route."""
    path = call.path["file"].removesuffix(".py")
    call.require(Need("scripts", "read", path=path))
    return as_text(scripts.raw(call.services.database.read(), call.workspace, path))


def archive(call: Call) -> Response:
    """Archive a script."""
    call.write(scripts.archive, call.workspace, call.path["path"])
    return Response()


def _lock(call: Call, hash_: str) -> None:
    code = call.services.catalog.script_by_hash(call.workspace, hash_)
    if code is None:
        return
    engine = call.services.engine
    asked = Submission("dependencies", call.who, {}, code.path, code, resolves=engine.isolated)
    call.write(scripts.set_dependency_job, call.workspace, hash_, engine.submit(asked))


ENDPOINTS = (
    Endpoint("POST", f"{W}/scripts/create", create),
    Endpoint("GET", f"{W}/scripts/list", lists(scripts.listed)),
    Endpoint("GET", f"{W}/scripts/list_paths", lists_all(scripts.listed, "path")),
    Endpoint("GET", W + "/scripts/get/p/{path:path}", shows(scripts.get), "scripts:read"),
    Endpoint("GET", W + "/scripts/get/h/{hash}", get_by_hash),
    Endpoint("GET", W + "/scripts/raw/p/{file:path}", raw, "scripts:read"),
    Endpoint("GET", W + "/scripts/exists/p/{path:path}", shows(scripts.exists)),
    Endpoint("GET", W + "/scripts/history/p/{path:path}", shows(scripts.history), "scripts:read"),
    Endpoint("GET", W + "/scripts/deployment_status/h/{hash}", shows(scripts.deployment_status, "hash")),
    Endpoint("POST", W + "/scripts/archive/p/{path:path}", archive, "scripts:write"),
    Endpoint("POST", W + "/scripts/archive/h/{hash}", changes_and_shows(scripts.archive_version, "hash")),
    Endpoint("POST", W + "/scripts/delete/p/{path:path}", changes_and_shows(scripts.delete), "scripts:write"),
    Endpoint("POST", W + "/scripts/delete/h/{hash}", changes_and_shows(scripts.delete_version, "hash")),
)
