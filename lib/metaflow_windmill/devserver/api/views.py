"""Handlers of routes that only hand on to the catalog: they show what it reads, or change one thing in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.api.replies import as_json, as_text
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


def lists(listed: Callable[[sqlite3.Connection, str, Selection], list[Json]]) -> Callable[[Call], Response]:
    """Return what shows the flows or scripts that a query selects."""

    def show(call: Call) -> Response:
        limit, offset = call.page()
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


def lists_all(
    listed: Callable[[sqlite3.Connection, str], list[Json]], field: str | None = None
) -> Callable[[Call], Response]:
    """Return what shows all that the workspace has of a kind, or one field of each."""

    def show(call: Call) -> Response:
        found = listed(call.services.database.read(), call.workspace)
        return as_json([each[field] for each in found] if field else found)

    return show


def lists_below(listed: Callable[[sqlite3.Connection, str, str], list[Json]]) -> Callable[[Call], Response]:
    """Return what shows those of the workspace whose paths begin as the query says."""
    return lambda call: as_json(
        listed(call.services.database.read(), call.workspace, call.query.get("path_start", ""))
    )


def changes(
    change: Callable[[sqlite3.Connection, str, str], object], done: str, name: str = "path"
) -> Callable[[Call], Response]:
    """Return what changes one thing of the workspace, which a part of the route names, and says so."""

    def handler(call: Call) -> Response:
        call.write(change, call.workspace, call.path[name])
        return as_text(done.format(call.path[name]))

    return handler


def changes_and_shows(
    change: Callable[[sqlite3.Connection, str, str], Json], name: str = "path"
) -> Callable[[Call], Response]:
    """Return what changes one thing of the workspace, which a part of the route names, and shows it."""
    return lambda call: as_json(call.write(change, call.workspace, call.path[name]))
