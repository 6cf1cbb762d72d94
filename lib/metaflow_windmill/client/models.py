"""What Windmill answers, as frozen data with the names that this project uses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow_windmill.types import Json


class JobState(str, Enum):
    """Where a job stands."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"

    @property
    def final(self) -> bool:
        """Whether the job is over."""
        return self not in (JobState.PENDING, JobState.RUNNING)


@dataclass(frozen=True)
class User:
    """Who a token belongs to, and which folders it may write."""

    username: str
    email: str
    is_admin: bool = False
    is_super_admin: bool = False
    operator: bool = False
    non_member: bool = False
    folders: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Json) -> User:
        """Read an answer of ``users/whoami``."""
        return cls(
            data["username"],
            data.get("email", ""),
            bool(data.get("is_admin")),
            bool(data.get("is_super_admin")),
            bool(data.get("operator")),
            bool(data.get("non_member")),
            tuple(data.get("folders") or ()) + tuple(data.get("folders_owners") or ()),
        )

    def may_write(self, folder: str) -> bool:
        """Tell whether the user may deploy into a folder, given by its bare name."""
        return not self.operator and (self.is_admin or self.is_super_admin or folder in self.folders)


@dataclass(frozen=True)
class Flow:
    """A deployed flow."""

    path: str
    summary: str
    description: str
    value: Json
    schema: Json
    labels: tuple[str, ...]
    archived: bool
    edited_by: str
    edited_at: datetime | None
    version: int | None

    @classmethod
    def from_json(cls, data: Json) -> Flow:
        """Read an answer of ``flows/get`` or an item of ``flows/list`` (which has no value)."""
        return cls(
            data["path"],
            data.get("summary") or "",
            data.get("description") or "",
            data.get("value"),
            data.get("schema"),
            tuple(data.get("labels") or ()),
            bool(data.get("archived")),
            data.get("edited_by") or "",
            moment(data.get("edited_at")),
            data.get("version_id"),
        )


@dataclass(frozen=True)
class FlowVersion:
    """One deployment of a flow, in its history."""

    id: int
    created_at: datetime | None
    message: str = ""

    @classmethod
    def from_json(cls, data: Json) -> FlowVersion:
        """Read an item of ``flows/history``."""
        return cls(data["id"], moment(data.get("created_at")), data.get("deployment_msg") or "")


@dataclass(frozen=True)
class Schedule:
    """A schedule of a flow.

    Parameters
    ----------
    path, cron, timezone : str
    enabled : bool
    flow_path : str
        What it starts.
    is_flow : bool
    args : dict of str to JSON
    paused_until : datetime or None
        No run begins before it.
    acts_for : str
        Whose rights its runs have, such as ``u/ada``.
    error : str
        Why Windmill could not queue the next run; empty where it did.
    """

    path: str
    cron: str
    timezone: str
    enabled: bool
    flow_path: str
    is_flow: bool = True
    args: Json = field(default_factory=dict)
    paused_until: datetime | None = None
    acts_for: str = ""
    error: str = ""

    @classmethod
    def from_json(cls, data: Json) -> Schedule:
        """Read an answer of ``schedules/get``."""
        return cls(
            data["path"],
            data["schedule"],
            data["timezone"],
            bool(data.get("enabled")),
            data["script_path"],
            bool(data.get("is_flow")),
            data.get("args") or {},
            moment(data.get("paused_until")),
            data.get("permissioned_as") or "",
            data.get("error") or "",
        )

    @property
    def owner(self) -> str:
        """The user whose rights its runs have; empty for a group, and where it is not told."""
        return self.acts_for.removeprefix("u/") if self.acts_for.startswith("u/") else ""


@dataclass(frozen=True)
class Job:
    """A job: a run of a flow, one of its steps, or a loop or branch in between.

    Parameters
    ----------
    id : str
    state : JobState
    path : str
        For a run, the path of its flow; for a step, that path, the loops and branches, and
        the module's id (``f/flows/Models/forloop-2/train``).
    kind : str
        Windmill's ``job_kind``: ``flow``, ``preview``, ``script``, ...
    created_at, started_at, completed_at : datetime or None
        In UTC.
    parent : str or None
        The id of the job that this one is a part of.
    is_step : bool
    created_by, schedule : str or None
        Who or what started it.
    scheduled_for : datetime or None
        When it was due; Windmill tells it of jobs that have not ended.
    tag : str or None
        The kind of worker that it wants.
    suspended : int
        How many people have to approve it before it goes on.
    labels : tuple of str
    args, result, flow_status : JSON value
        None where the answer does not hold them; lists do not.
    """

    id: str
    state: JobState
    path: str
    kind: str = ""
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    parent: str | None = None
    is_step: bool = False
    created_by: str | None = None
    schedule: str | None = None
    labels: tuple[str, ...] = ()
    args: Json = None
    result: Json = None
    flow_status: Json = None
    scheduled_for: datetime | None = None
    tag: str | None = None
    suspended: int = 0

    @classmethod
    def from_json(cls, data: Json) -> Job:
        """Read an answer of ``jobs_u/get`` or an item of ``jobs/list``."""
        return cls(
            data["id"],
            _state(data),
            data.get("script_path") or "",
            data.get("job_kind") or "",
            moment(data.get("created_at")),
            moment(data.get("started_at")),
            moment(data.get("completed_at")) or _ended(data),
            data.get("parent_job"),
            bool(data.get("is_flow_step")),
            data.get("created_by"),
            data.get("schedule_path"),
            tuple(data.get("labels") or ()),
            data.get("args"),
            data.get("result"),
            data.get("flow_status"),
            moment(data.get("scheduled_for")),
            data.get("tag"),
            data.get("suspend") or 0,
        )

    @property
    def due_at(self) -> datetime | None:
        """When it began, or else was to begin."""
        return self.started_at or self.scheduled_for or self.created_at

    @property
    def seconds(self) -> float | None:
        """How long it ran; None as long as it has not ended."""
        if self.started_at is None or self.completed_at is None:
            return None
        return (self.completed_at - self.started_at).total_seconds()


@dataclass(frozen=True)
class JobOutcome:
    """What is known of a job's end, from ``completed/get_result_maybe``."""

    completed: bool
    success: bool
    result: Json = None


def _state(data: Json) -> JobState:
    if data.get("type") == "CompletedJob":
        if data.get("canceled"):
            return JobState.CANCELED
        return JobState.SUCCEEDED if data.get("success") else JobState.FAILED
    return JobState.RUNNING if data.get("running") else JobState.PENDING


def _ended(data: Json) -> datetime | None:
    """Return the end of a job from its start and duration: not every answer has ``completed_at``."""
    start, spent = moment(data.get("started_at")), data.get("duration_ms")
    if start is None or spent is None or data.get("type") != "CompletedJob":
        return None
    return datetime.fromtimestamp(start.timestamp() + spent / 1000, timezone.utc)


_FRACTION = re.compile(r"\.(\d+)")


def moment(text: str | None) -> datetime | None:
    """Read a time of Windmill's, which has up to nine digits of a second and a ``Z``."""
    if not text:
        return None
    plain = _FRACTION.sub(lambda match: "." + match[1][:6].ljust(6, "0"), text.replace("Z", "+00:00"))
    return datetime.fromisoformat(plain).astimezone(timezone.utc)


def instant(moment: datetime) -> str:
    """Write a time as Windmill's filters read it."""
    return moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
