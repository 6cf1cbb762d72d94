"""Flows that wait for several events: what has come so far, and what has been used already.

Each event has a resource of its own below the subscription, so that two events that come at the
same moment do not overwrite each other.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from metaflow_windmill.contract.event import Event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow_windmill.client.resources import Resources
    from metaflow_windmill.contract.event import Subscription

KIND = "state"
DESCRIPTION = "What a flow has received of the events that it waits for."


class Received:
    """What has come for one subscription.

    Parameters
    ----------
    resources : Resources
    subscription : Subscription
    """

    def __init__(self, resources: Resources, subscription: Subscription) -> None:
        self._resources, self._subscription = resources, subscription

    def with_event(self, event: Event) -> tuple[Event, ...] | None:
        """Note an event; return all that the flow waits for, or None as long as something is missing."""
        if len(self._subscription.events) == 1:
            return (event,)
        self._resources.put(self._path(event.name), event.to_json(), KIND, DESCRIPTION)
        used = self._used()
        found = []
        for awaited in self._subscription.events:
            value = self._resources.find(self._path(awaited.name))
            if value is None or used.get(awaited.name) == value["id"]:
                return None
            found.append(Event.from_json(value))
        return tuple(found)

    def used(self, events: Sequence[Event]) -> None:
        """Note that events have started a run: the next run waits for new ones."""
        if len(self._subscription.events) > 1:
            ids = {event.name: event.id for event in events}
            self._resources.put(self._path("used"), ids, KIND, DESCRIPTION)

    def forget(self) -> None:
        """Remove all notes."""
        for name in ("used", *(event.name for event in self._subscription.events)):
            self._resources.delete(self._path(name))

    def _used(self) -> dict[str, str]:
        value = self._resources.find(self._path("used"))
        return value if isinstance(value, dict) else {}

    def _path(self, name: str) -> str:
        plain = re.sub(r"\W+", "_", name)[:40].strip("_")
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        return f"{self._subscription.flow}/received/{plain}_{digest}"
