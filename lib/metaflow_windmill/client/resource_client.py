"""The resources of a workspace: small JSON values at paths, each of a type."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from urllib.parse import quote

from metaflow_windmill.client.calls import Calls
from metaflow_windmill.client.listing import all_items
from metaflow_windmill.client.models import moment
from metaflow_windmill.client.transport import Request
from metaflow_windmill.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class Listed:
    """A resource in a list, which shows no values: its path, description, and when it was written."""

    path: str
    description: str
    edited_at: datetime


class Resources(Calls):
    """Reads and writes resources."""

    def paths(self, kind: str, holding: Json = None) -> tuple[str, ...]:
        """Return where the resources of a type are.

        Parameters
        ----------
        kind : str
        holding : JSON value
            Where not None, only those whose value contains this one, as PostgreSQL's ``@>`` has it. Servers
            before this filter tell of all.
        """
        wanted = {} if holding is None else {"value": json.dumps(holding)}
        return tuple(item["path"] for item in self._pages({"resource_type": kind, **wanted}))

    def listed(self, kind: str, below: str) -> tuple[Listed, ...]:
        """Return the resources of a type whose paths begin with a text."""
        found = self._pages({"resource_type": kind, "path_start": below})
        return tuple(
            Listed(item["path"], item.get("description") or "", _edited_at(item))
            for item in found
            if item["path"].startswith(below)  # To a real server a `_` in it stands for any letter.
        )

    def find(self, path: str) -> Json:
        """Return the value at a path; None where there is none."""
        try:
            return self._get(f"resources/get_value/{quote(path)}")
        except NotFound:
            return None

    def filled(self, path: str) -> Json:
        """Return the value at a path with its variables filled in; `NotFound` if there is none."""
        return self._get(f"resources/get_value_interpolated/{quote(path)}")

    def put(self, path: str, value: Json, kind: str, description: str) -> None:
        """Write a value, whether or not there is one."""
        body = {"path": path, "value": value, "resource_type": kind, "description": description}
        query = {"update_if_exists": "true"}
        self._answer(Request("POST", self._path("resources/create"), query, body, repeatable=True))

    def create(self, path: str, value: Json, kind: str, description: str) -> None:
        """Write a value where there is none.

        Raises
        ------
        Conflict
            If there is one; it may be ours, if the answer to a first attempt was lost.
        """
        body = {"path": path, "value": value, "resource_type": kind, "description": description}
        self._answer(Request("POST", self._path("resources/create"), body=body, repeatable=True))

    def delete(self, path: str) -> None:
        """Delete a resource; no error if there is none."""
        try:
            self._answer(Request("DELETE", self._path(f"resources/delete/{quote(path)}")))
        except NotFound:
            return

    def _pages(self, query: dict[str, str]) -> Iterator[Json]:
        return all_items(lambda page: self._get("resources/list", {**query, **page}))


def _edited_at(item: Json) -> datetime:
    return moment(item.get("edited_at")) or datetime.now(timezone.utc)
