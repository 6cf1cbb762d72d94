"""What a task is told of the events that started its run."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from metaflow_windmill.contract.record import StoreInfo
from metaflow_windmill.internals.running import tell_task
from metaflow_windmill.runtime.child.local_metadata import fetch, is_elsewhere
from metaflow_windmill.runtime.child.task_environment import EVENTS

if TYPE_CHECKING:
    from metaflow.events import Trigger

    from metaflow_windmill.internals.shapes import MetadataProvider, TaskStore
    from metaflow_windmill.types import Json

FIELD = "execution-triggers"
"""The metadata that Metaflow's own orchestrators keep them under."""


def tell_of_events(  # noqa: PLR0917 (what Metaflow tells a decorator)
    metadata: MetadataProvider,
    run: str,
    step: str,
    task: str,
    attempt: int,
    datastore: TaskStore,
    *,
    first: bool,
) -> None:
    """Let the task see what started its run, as ``current.trigger``; the start step keeps it as metadata.

    Its ``run`` is known where metadata is local too: it is fetched from the datastore when it is asked for.
    """
    events = json.loads(os.environ.get(EVENTS) or "[]")
    if not events:
        return
    from metaflow.metadata_provider import MetaDatum

    if first:
        value, tags = json.dumps(events), [f"attempt_id:{attempt}"]
        entry = MetaDatum(field=FIELD, value=value, type=FIELD, tags=tags)
        metadata.register_metadata(run, step, task, [entry])
    place = StoreInfo(datastore.TYPE, str(datastore.parent_datastore.datastore_root))
    far = is_elsewhere(metadata.TYPE, datastore.TYPE)
    tell_task(trigger=trigger_of(events, place if far else None))


def trigger_of(events: list[dict[str, Json]], place: StoreInfo | None) -> Trigger:
    """Return ``current.trigger``.

    Parameters
    ----------
    events : list of dict
    place : StoreInfo or None
        Where the metadata of runs has to be fetched from, and their data is; None where it is known here.
    """
    from metaflow.events import Trigger

    class Fetching(Trigger):  # type: ignore[misc]  # Metaflow has no types
        """Fetches the metadata of runs before Metaflow's client looks for them."""

        _fetched = False

        @property
        def runs(self) -> Json:
            if place is not None and not self._fetched:
                for event in self._events:
                    if event.type == "run":
                        flow, run, *_ = event.id.split("/")
                        fetch(place, flow, run)
                self._fetched = True
            return super().runs

    return Trigger(events) if place is None else Fetching(events)
