"""Notifications: who is told of the end of a run, and of which ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from metaflow_windmill.errors import InvalidDocument

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

NOTIFY = "notify"
"""The one key of the input ``task`` of the job that notifies; its value is a `Notification`."""

ChannelKind = Literal["slack", "webhook", "pager_duty", "incident_io"]


def variable_of(kind: ChannelKind) -> str:
    """Return the environment variable that holds a channel's address or key, in the job that notifies."""
    return f"METAFLOW_WINDMILL_NOTIFY_{kind.upper()}"


@dataclass(frozen=True)
class Channel:
    """A way to tell somebody.

    Parameters
    ----------
    kind : {"slack", "webhook", "pager_duty", "incident_io"}
    credential : JSON value
        The address or the key, as a reference that Windmill fills in when the job begins.
    settings : dict
        What else the channel needs, none of it a secret.
    """

    kind: ChannelKind
    credential: Json
    settings: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Notifications:
    """Who is told when a run of a flow is over.

    Parameters
    ----------
    channels : tuple of Channel
    on_success, on_error : bool
    """

    channels: tuple[Channel, ...] = ()
    on_success: bool = False
    on_error: bool = False


@dataclass(frozen=True)
class Notification:
    """What a job tells.

    Parameters
    ----------
    channels : dict
        The settings of each channel, by its kind. What is secret comes by its environment variable.
    failed : bool
        Whether the run failed; the job then gets, as its input ``error``, what went wrong.
    """

    channels: dict[ChannelKind, dict[str, Json]]
    failed: bool = False

    def to_json(self) -> dict[str, Json]:
        """Return it as JSON."""
        return {"channels": dict(self.channels), "failed": self.failed}

    @classmethod
    def from_json(cls, data: dict[str, Json]) -> Notification:
        """Read what `to_json` wrote; `InvalidDocument` if it is something else."""
        try:
            return cls(dict(data["channels"]), bool(data["failed"]))
        except (KeyError, TypeError) as why:
            raise InvalidDocument(f"this is no notification ({why})", NOTIFY) from why
