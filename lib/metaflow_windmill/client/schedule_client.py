"""The schedules of a workspace: when its flows run by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from metaflow_windmill.client.calls import Calls
from metaflow_windmill.client.models import Schedule
from metaflow_windmill.client.transport import Request
from metaflow_windmill.errors import NotFound

if TYPE_CHECKING:
    from metaflow_windmill.types import Json


class Schedules(Calls):
    """Reads and writes schedules, each at a path."""

    def find(self, path: str) -> Schedule | None:
        """Return the schedule at a path, or None."""
        try:
            return Schedule.from_json(self._get(f"schedules/get/{quote(path)}"))
        except NotFound:
            return None

    def preview(self, times: Json) -> None:
        """Have the server read a cron expression and a time zone; `Refused` if it cannot."""
        self._answer(Request("POST", "/schedules/preview", body=times, repeatable=True))

    def create(self, body: Json) -> None:
        """Make a schedule; `Conflict` if its path is taken."""

        def done() -> bool:
            found = self.find(body["path"])
            wanted = (body["schedule"], body["timezone"], body["script_path"])
            return found is not None and (found.cron, found.timezone, found.flow_path) == wanted

        self._post("schedules/create", body, creates=True, done=done)

    def update(self, path: str, body: Json) -> None:
        """Change a schedule's times and arguments; whether it is on stays."""
        self._post(f"schedules/update/{quote(path)}", body)

    def enable(self, path: str, *, enabled: bool) -> None:
        """Turn a schedule on or off."""
        self._post(f"schedules/setenabled/{quote(path)}", {"enabled": enabled})

    def unpause(self, path: str) -> None:
        """Let a schedule's next run begin at its time; its runs then act for whoever asks."""
        body = self._get(f"schedules/get/{quote(path)}")
        self.update(path, {**body, "paused_until": None, "permissioned_as": None})

    def delete(self, path: str) -> None:
        """Delete a schedule; no error if there is none."""
        try:
            self._answer(Request("DELETE", self._path(f"schedules/delete/{quote(path)}")))
        except NotFound:
            return
