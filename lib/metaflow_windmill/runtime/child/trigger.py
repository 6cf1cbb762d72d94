"""What a task is told of the events that started its run."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from metaflow_windmill.internals.running import tell_task
from metaflow_windmill.runtime.child.environment import EVENTS

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

FIELD = "execution-triggers"
"""The metadata that Metaflow's own orchestrators keep them under."""


def tell_of_events(metadata: Json, run: str, step: str, task: str, attempt: int, *, first: bool) -> None:
    """Let the task see what started its run, as ``current.trigger``; the start step keeps it as metadata."""
    events = json.loads(os.environ.get(EVENTS) or "[]")
    if not events:
        return
    from metaflow.events import Trigger
    from metaflow.metadata_provider import MetaDatum

    if first:
        value, tags = json.dumps(events), [f"attempt_id:{attempt}"]
        entry = MetaDatum(field=FIELD, value=value, type=FIELD, tags=tags)
        metadata.register_metadata(run, step, task, [entry])
    tell_task(trigger=Trigger(events))
