"""Events: what happens, which flows wait for it, and what a run that they start is told."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

from metaflow_windmill.contract.known import known
from metaflow_windmill.errors import InvalidDocument

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

TRIGGER = "$trigger"
"""The argument of a flow's run that holds the events that started it; no parameter has this name."""

PUBLISH = "publish"
"""The one key of the input ``task`` of the job that publishes a run's end; its value is the end step."""

SUBSCRIPTION = "metaflow_subscription"
"""The type of the Windmill resource that makes a flow wait for events; it stands at the flow's own path.

Windmill finds those of an event by ``{"events": [{"name": ...}]}`` in the value: no version may write it
otherwise.
"""

EventKind = Literal["event", "run"]


def end_event(flow: str, project: str | None, branch: str | None) -> str:
    """Return the name of the event that is published when a run of a flow succeeded."""
    return ".".join(["metaflow", *filter(None, (project, branch)), flow, "end"])


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Parameters
    ----------
    name : str
        For the end of a run ``metaflow.[<project>.<branch>.]<Flow>.end``, as Metaflow's other
        orchestrators have it.
    id : str
        Tells events of one name apart; the same event published twice has the same id. For the
        end of a run the pathspec of its last task.
    timestamp : int
        Seconds since 1970.
    payload : dict
        What parameters of the flows that wait are filled from.
    type : {"event", "run"}
    """

    name: str
    id: str
    timestamp: int
    payload: dict[str, Json] = field(default_factory=dict)
    type: EventKind = "event"

    def told(self) -> dict[str, Json]:
        """Return what a run is told of the event, as Metaflow's ``current.trigger`` takes it."""
        return {"name": self.name, "id": self.id, "timestamp": self.timestamp, "type": self.type}

    def to_json(self) -> dict[str, Json]:
        """Return the event as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Json) -> Event:
        """Read what `to_json` wrote; `InvalidDocument` if it is something else."""
        try:
            return cls(**known(cls, data))
        except TypeError as why:
            raise InvalidDocument(f"this is not an event ({why})") from why


@dataclass(frozen=True)
class Awaited:
    """An event that a flow waits for: its name, and the payload's field for each parameter that it fills."""

    name: str
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Subscription:
    """A flow, and the events that start it: once all of them have come.

    Parameters
    ----------
    flow : str
        Its path.
    events : tuple of Awaited
    """

    flow: str
    events: tuple[Awaited, ...]

    def awaits(self, name: str) -> Awaited | None:
        """Return what the flow takes from an event of a name; None if it does not wait for it."""
        return next((event for event in self.events if event.name == name), None)

    def to_json(self) -> dict[str, Json]:
        """Return the subscription as JSON."""
        return {"flow": self.flow, "events": [asdict(event) for event in self.events]}

    @classmethod
    def from_json(cls, data: Json) -> Subscription:
        """Read what `to_json` wrote; `InvalidDocument` if it is something else."""
        try:
            return cls(data["flow"], tuple(Awaited(**known(Awaited, event)) for event in data["events"]))
        except (KeyError, TypeError) as why:
            raise InvalidDocument(f"this is not a subscription ({why})") from why
