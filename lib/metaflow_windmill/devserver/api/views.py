"""Handlers of routes that only show what the catalog reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.api.lists import page
from metaflow_windmill.devserver.api.replies import as_json
from metaflow_windmill.devserver.catalog.path_rows import Selection

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from starlette.responses import Response

    from metaflow_windmill.devserver.api.call import Call
    from metaflow_windmill.types import Json


def shows(
    read: Callable[[sqlite3.Connection, str, str], Json], name: str = "path"
) -> Callable[[Call], Response]:
    """Return what shows one thing of the workspace, which a part of the route names."""
    return lambda call: as_json(read(call.services.database.read(), call.workspace, call.path[name]))


def lists(
    listed: Callable[[sqlite3.Connection, str, Selection], list[Json]],
) -> Callable[[Call], Response]:
    """Return what shows the flows or scripts that a query selects."""

    def show(call: Call) -> Response:
        limit, offset = page(call)
        wanted = Selection(
            path_start=call.query.get("path_start", ""),
            path_exact=call.query.get("path_exact"),
            label=call.query.get("label"),
            archived=call.flag("show_archived"),
            limit=limit,
            offset=offset,
        )
        return as_json(listed(call.services.database.read(), call.workspace, wanted))

    return show


def lists_paths(
    listed: Callable[[sqlite3.Connection, str, Selection], list[Json]],
) -> Callable[[Call], Response]:
    """Return what shows the paths of all flows or scripts."""
    return lambda call: as_json(
        [row["path"] for row in listed(call.services.database.read(), call.workspace, Selection())]
    )
