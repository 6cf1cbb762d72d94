"""The schedule of a deployed flow: one Windmill schedule at the flow's own path, or none."""

from __future__ import annotations

from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

from metaflow_windmill.errors import Unauthorized

if TYPE_CHECKING:
    from metaflow_windmill.client.models import Schedule
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.contract.record import ScheduleInfo
    from metaflow_windmill.types import Json

CRON_VERSION = "v2"


class Change(str, Enum):
    """What a deployment did to the schedule."""

    NONE = "none"
    CREATED = "created"
    CHANGED = "changed"
    KEPT = "kept"
    REMOVED = "removed"


def check_schedule(windmill: Windmill, wanted: ScheduleInfo) -> None:
    """Have Windmill read a schedule, without making it; `Refused` with its words if it cannot.

    The route names no workspace, so it is closed to a token that is bound to one, to one with scopes for
    flows alone, and on newer servers to that of a job. Then it is not checked here: a schedule that Windmill
    cannot read is refused when it is made.
    """
    with suppress(Unauthorized):
        windmill.schedules.preview(_times(wanted))


def apply_schedule(windmill: Windmill, path: str, wanted: ScheduleInfo | None) -> Change:
    """Make the schedule of a flow what it is wanted to be.

    One that was suspended stays so: it was a person's decision, and a deployment is not.
    """
    found = windmill.schedules.find(path)
    if wanted is None:
        if found is None:
            return Change.NONE
        windmill.schedules.delete(path)
        return Change.REMOVED
    if found is None:
        windmill.schedules.create(_body(path, wanted))
        return Change.CREATED
    if _same(found, wanted):
        return Change.KEPT
    windmill.schedules.update(path, {**_times(wanted), "args": found.args})
    return Change.CHANGED


def schedule_file(path: str, wanted: ScheduleInfo) -> dict[str, Json]:
    """Return a schedule as ``wmill sync`` keeps it in a file, whose name tells its path."""
    body = _body(path, wanted)
    return {key: value for key, value in body.items() if key != "path"}


def _same(found: Schedule, wanted: ScheduleInfo) -> bool:
    return (found.cron, found.timezone) == (wanted.cron, wanted.timezone)


def _times(wanted: ScheduleInfo) -> dict[str, Json]:
    return {"schedule": wanted.cron, "timezone": wanted.timezone, "cron_version": CRON_VERSION}


def _body(path: str, wanted: ScheduleInfo) -> dict[str, Json]:
    place = {"path": path, "script_path": path, "is_flow": True}
    return {**place, **_times(wanted), "args": {}, "enabled": True}
