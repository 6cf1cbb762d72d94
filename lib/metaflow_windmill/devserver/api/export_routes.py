"""What ``wmill sync`` asks of a workspace besides the routes of its things: all of it as an archive."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

from starlette.responses import Response

from metaflow_windmill.devserver.api.replies import as_json
from metaflow_windmill.devserver.api.routing import Endpoint, W
from metaflow_windmill.devserver.catalog import workspaces
from metaflow_windmill.devserver.catalog.workspace_files import ExportedKinds, exported

if TYPE_CHECKING:
    from metaflow_windmill.devserver.api.call import Call


def tarball(call: Call) -> Response:
    """Send the workspace as an archive."""
    wanted = ExportedKinds(
        types=not call.flag("skip_resource_types"),
        resources=not call.flag("skip_resources"),
        variables=not call.flag("skip_variables"),
        secrets=not call.flag("skip_secrets"),
        schedules=call.flag("include_schedules"),
        triggers=call.flag("include_triggers"),
    )
    files = exported(call.services.database.read(), call.workspace, wanted)
    ending = "zip" if call.query.get("archive_type") == "zip" else "tar"
    named = {"content-disposition": f'attachment; filename="windmill-{call.workspace}.{ending}"'}
    pack = zipped if ending == "zip" else tarred
    return Response(pack(files), media_type="application/x-tar", headers=named)


def zipped(files: dict[str, str]) -> bytes:
    """Return files as a zip archive."""
    blob = io.BytesIO()
    with zipfile.ZipFile(blob, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return blob.getvalue()


def tarred(files: dict[str, str]) -> bytes:
    """Return files as a tar archive."""
    blob = io.BytesIO()
    with tarfile.open(fileobj=blob, mode="w") as archive:
        for name, text in files.items():
            content = text.encode()
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return blob.getvalue()


def own_workspaces(call: Call) -> Response:
    """Say which workspaces the caller is in: on an embedded server, in all of them."""
    found = workspaces.listed(call.services.database.read())
    shown = [{"id": item["id"], "name": item["name"], "username": call.bearer.username} for item in found]
    return as_json({"email": call.bearer.email, "workspaces": shown})


def nothing_of_its_own(_call: Call) -> Response:
    """Say what a workspace has that its forks have not: nothing."""
    return as_json([])


def no_file_types(_call: Call) -> Response:
    """Say which resource types are files: none."""
    return as_json({})


ENDPOINTS = (
    Endpoint("GET", f"{W}/workspaces/tarball", tarball),
    Endpoint("GET", f"{W}/workspaces/list_ws_specific", nothing_of_its_own),
    Endpoint("GET", f"{W}/resources/file_resource_type_to_file_ext_map", no_file_types),
    Endpoint("GET", "/api/workspaces/users", own_workspaces),
)
