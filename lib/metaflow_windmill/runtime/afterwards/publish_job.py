"""The job after the last step: it publishes that the run has succeeded."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from metaflow_windmill.contract.event import Event, end_event
from metaflow_windmill.errors import FINAL, TaskError, WindmillError
from metaflow_windmill.events import publish
from metaflow_windmill.events.publish import may_pass
from metaflow_windmill.runtime.position.task_ids import task_id

if TYPE_CHECKING:
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.errors import MetaflowWindmillError
    from metaflow_windmill.events import Published
    from metaflow_windmill.types import Json


def publish_end(windmill: Windmill, record: Record, run: str, step: str) -> dict[str, Json]:
    """Start the flows that wait for the end of this run.

    Parameters
    ----------
    windmill : Windmill
    record : Record
    run : str
        The run id.
    step : str
        The end step.

    Returns
    -------
    dict
        What the end step's job returned, and what became of each flow that waits.

    Raises
    ------
    TaskError
        If one of them was not started. The run stays a success. It is final where another try cannot help.
    """
    last = task_id(())
    event = Event(
        name=end_event(record.flow, record.project, record.branch),
        id=f"{record.flow}/{run}/{step}/{last}",
        timestamp=int(time.time()),
        type="run",
    )
    published = _published(windmill, event)
    for delivery in published.deliveries:
        print(f"{delivery.flow}: {delivery.what}{delivery.reason and f' ({delivery.reason})'}", flush=True)
    if published.failures:
        names = ", ".join(item.flow for item in published.failures)
        failed = TaskError(
            f"The run succeeded, but not every flow that waits for {event.name} was started: {names}. "
            "Their reasons are in this job's log; trigger them by hand, or publish the event again."
        )
        raise _marked(failed, final=not any(item.passing for item in published.failures))
    told = [delivery.to_json() for delivery in published.deliveries]
    return {"run_id": run, "step": step, "task": last, "published": told}


def _published(windmill: Windmill, event: Event) -> Published:
    try:
        return publish(windmill, event)
    except WindmillError as why:
        raise _marked(why, final=not may_pass(why)) from why.__cause__


def _marked(error: MetaflowWindmillError, *, final: bool) -> MetaflowWindmillError:
    """Return an error with the mark that Windmill's ``retry_if`` looks for, where no other try can help."""
    if final:
        vars(error)[FINAL] = True
    return error
