"""The page of schedules: what starts when, and the switch of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.catalog import schedules
from metaflow_windmill.devserver.catalog.scopes import Need
from metaflow_windmill.devserver.pages import layout
from metaflow_windmill.devserver.pages.markup import Markup, join, tag, text
from metaflow_windmill.devserver.pages.viewer import html, to

if TYPE_CHECKING:
    from starlette.responses import Response

    from metaflow_windmill.devserver.pages.viewer import Viewer
    from metaflow_windmill.types import Json


def every(viewer: Viewer) -> Response:
    """Show the schedules of a workspace."""
    viewer.check(Need("schedules", "read"))
    found = schedules.upcoming(viewer.services.database.read(), viewer.workspace)
    rows = [_cells(viewer, row) for row in found]
    head = ("Schedule", "Starts", "When", "Next", "Last run", "")
    nothing = "There are no schedules. A flow with @schedule gets one when it is deployed."
    return html(viewer, "schedules", layout.card("Schedules", layout.table(head, rows, nothing)), fresh=True)


def switch(viewer: Viewer) -> Response:
    """Switch a schedule on or off."""
    viewer.check(Need("schedules", "write", path=viewer.path))
    enabled = viewer.form().get("enabled") == "true"
    with viewer.services.database.write() as connection:
        schedules.set_enabled(connection, viewer.workspace, viewer.path, enabled=enabled)
    viewer.services.scheduler.wake()
    return to(layout.inside("/schedules", viewer.workspace))


def _cells(viewer: Viewer, row: Json) -> list[Markup | str]:
    kind = "flows" if row["is_flow"] else "scripts"
    target = layout.inside(f"/{kind}/get/{row['script_path']}", viewer.workspace)
    last = row["last_job"]
    summary = tag("div", row["summary"], class_="soft") if row.get("summary") else text("")
    return [
        join([row["path"], layout.labels(row.get("labels") or ()), summary]),
        tag("a", row["script_path"], href=target),
        join([row["schedule"], tag("div", row["timezone"], class_="soft")]),
        layout.when(row["next_tick"]) if row["enabled"] else tag("span", "switched off", class_="soft"),
        layout.run_link(last, last[:8]) if last else "",
        _switch(viewer, row),
    ]


def _switch(viewer: Viewer, row: Json) -> Markup:
    wanted = "false" if row["enabled"] else "true"
    return tag(
        "form",
        tag("input", type="hidden", name_="enabled", value=wanted),
        tag("button", "Switch off" if row["enabled"] else "Switch on"),
        method="post",
        action=layout.inside(f"/schedules/switch/{row['path']}", viewer.workspace),
    )
