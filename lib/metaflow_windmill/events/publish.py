"""Publishing an event: which flows wait for it, whether all that they wait for has come, and their start.

Windmill has no lock that could be held here, and none is needed. Events that come together are noted before
the run is started, each under a number that only it can have (`received`), and the id of the job that is
started follows from the events. So two who publish at the same time start one run, an event that is
published twice starts nothing the second time, and what somebody noted who died then is started by whoever
publishes next.
"""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from metaflow_windmill.client.answers import passing
from metaflow_windmill.contract.event import SUBSCRIPTION, TRIGGER, Event, Subscription
from metaflow_windmill.contract.exact import exact
from metaflow_windmill.errors import Conflict, InvalidDocument, Unreachable, WindmillError
from metaflow_windmill.events.received import Received

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from metaflow_windmill.client.resource_client import Resources
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.types import Json

NAMESPACE = uuid.UUID("6f1b1e3a-5d0c-5f0e-9a3c-0d6c1f5b7a11")
Effect = Literal["started", "already started", "waits for more", "failed"]


@dataclass(frozen=True)
class Delivery:
    """What an event did to one flow that waits for it: its path, the job that was started, or why not.

    ``passing`` tells of a failure whether another try may help.
    """

    flow: str
    what: Effect
    job: str | None = None
    reason: str = ""
    passing: bool = False

    def to_json(self) -> dict[str, Json]:
        """Return it as JSON, without what is empty."""
        return {key: value for key, value in vars(self).items() if value and key != "passing"}


@dataclass(frozen=True)
class Published:
    """What became of an event."""

    event: Event
    deliveries: tuple[Delivery, ...]

    @property
    def failures(self) -> tuple[Delivery, ...]:
        """Return the flows that should have been started and were not."""
        return tuple(item for item in self.deliveries if item.what == "failed")

    def to_result(self) -> dict[str, Json]:
        """Return it as the result of a job, which is a failed one if a flow was not started."""
        told = [item.to_json() for item in self.deliveries]
        result: dict[str, Json] = {"event": self.event.name, "id": self.event.id, "flows": told}
        if self.failures:
            names = ", ".join(item.flow for item in self.failures)
            result["wm_failure"] = (
                f"not started: {names}; publish the event again under the id {self.event.id}"
            )
        return result


def new_event(name: str, payload: Json = None, event_id: str = "") -> Event:
    """Return an event that happens now.

    Parameters
    ----------
    name : str
    payload : dict or None
    event_id : str
        The same for each try to publish the same event, so that it starts nothing twice; made up if empty.

    Raises
    ------
    InvalidDocument
        If the payload is no JSON object.
    """
    if not (payload is None or isinstance(payload, dict)):
        raise InvalidDocument("the payload of an event is a JSON object with a field for each parameter")
    return Event(name, event_id or str(uuid.uuid4()), int(time.time()), dict(payload or {}))


def publish(windmill: Windmill, event: Event) -> Published:
    """Start every flow that waits for an event.

    Parameters
    ----------
    windmill : Windmill
    event : Event

    Returns
    -------
    Published
        One flow that cannot be started does not keep the others back.

    Raises
    ------
    WindmillError
        If it cannot be found out who waits for the event.
    """
    found = tuple(subscriptions(windmill.resources, event.name))
    unread = tuple(item for item in found if isinstance(item, Delivery))
    waiting = [item for item in found if isinstance(item, Subscription)]
    done = tuple(done for item in waiting for done in _deliver(windmill, item, event))
    return Published(event, done + unread)


def subscriptions(resources: Resources, event: str) -> Iterator[Subscription | Delivery]:
    """Go through the subscriptions to an event: one request where there are none; tell of unread ones."""
    for path in resources.paths(SUBSCRIPTION, holding={"events": [{"name": event}]}):
        found = _read(path, resources.find(path))
        if isinstance(found, Delivery) or (found is not None and found.awaits(event)):
            yield found


def may_pass(why: Exception) -> bool:
    """Tell whether a request that failed may be answered another time."""
    if isinstance(why, Unreachable):
        return True
    status = why.status if isinstance(why, WindmillError) else None
    return status is not None and passing(status)


def _read(path: str, value: Json) -> Subscription | Delivery | None:
    """Return a subscription; None for what a person made under the same type, which is nobody's."""
    try:
        return Subscription.from_json(value)
    except InvalidDocument as why:
        if not (isinstance(value, dict) and value.get("flow") == path):
            return None
        reason = f"which events start it cannot be read: {why}. Create the flow again"
        return Delivery(path, "failed", reason=reason)


def _deliver(windmill: Windmill, subscription: Subscription, event: Event) -> Iterator[Delivery]:
    """Yield what the event did to a flow, then the runs that somebody noted and did not live to start."""
    try:
        if len(subscription.events) == 1:
            yield _start(windmill, subscription, (event,))
        else:
            yield from _queue(windmill, subscription, event)
    except (WindmillError, InvalidDocument) as why:
        yield Delivery(subscription.flow, "failed", reason=str(why), passing=may_pass(why))


def _queue(windmill: Windmill, subscription: Subscription, event: Event) -> Iterator[Delivery]:
    received = Received(windmill.resources, subscription)
    number, notes = received.note(event)
    if number in notes.started:
        yield Delivery(subscription.flow, "already started", notes.started[number].description)
    elif number not in notes.due:
        yield Delivery(subscription.flow, "waits for more")
    for due in sorted(notes.due, key=lambda each: (each != number, each)):
        delivery = _start_noted(windmill, subscription, received, due)
        if delivery.what != "already started" or due == number:
            yield delivery
    with suppress(WindmillError):  # Whoever comes next can do that as well.
        received.tidy(notes)


def _start_noted(windmill: Windmill, subscription: Subscription, received: Received, number: int) -> Delivery:
    try:
        events = received.events(number)
        if events is None:
            return Delivery(subscription.flow, "already started")
        delivery = _start(windmill, subscription, events)
        received.note_started(number, job_id(subscription, events))
    except (WindmillError, InvalidDocument) as why:
        return Delivery(subscription.flow, "failed", reason=str(why), passing=may_pass(why))
    return delivery


def _start(windmill: Windmill, subscription: Subscription, events: Sequence[Event]) -> Delivery:
    job = job_id(subscription, events)
    try:
        windmill.run_flow(subscription.flow, arguments(subscription, events), job)
    except Conflict:
        return Delivery(subscription.flow, "already started", job)
    return Delivery(subscription.flow, "started", job)


def job_id(subscription: Subscription, events: Sequence[Event]) -> str:
    """Return the id of the job that these events start: always the same."""
    names = "\n".join(sorted(f"{event.name} {event.id}" for event in events))
    return str(uuid.uuid5(NAMESPACE, f"{subscription.flow}\n{names}"))


def arguments(subscription: Subscription, events: Sequence[Event]) -> dict[str, Json]:
    """Return the arguments of a run: the parameters that the payloads fill, and the events themselves."""
    given: dict[str, Json] = {}
    for event in events:
        awaited = subscription.awaits(event.name)
        for parameter, name in (awaited.parameters if awaited else {}).items():
            if name in event.payload:
                given[parameter] = exact(event.payload[name])
    return {**given, TRIGGER: [event.told() for event in events]}
