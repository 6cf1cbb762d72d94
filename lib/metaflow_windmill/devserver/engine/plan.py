"""What is to be done after an event: first decided, then written in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow_windmill.devserver.model import JobKind, ScriptCode
    from metaflow_windmill.devserver.store.flow_rows import FlowRun, ModuleRun
    from metaflow_windmill.devserver.store.job_rows import JobRow
    from metaflow_windmill.openflow import FlowValue, Module
    from metaflow_windmill.types import Json

PREPROCESSOR = -1
"""The step of a flow's preprocessor module."""

LONGEST_PATH = 255
"""Characters of a job's path that a real server keeps."""


class Broken(ServerError):
    """A module cannot begin: its own rules (iterator, skip_if, sleep, ...) do not work out."""

    @property
    def at_start(self) -> str:
        """The message where it is the first module of its flow."""
        return str(self)


class PathTooLong(Broken):
    """A job cannot be kept, since its path has more than 255 characters; the texts are those of 1.788."""

    def __init__(self) -> None:
        super().__init__(
            "SqlErr: error returned from database: value too long for type character varying(255) "
            "@jobs.rs:6680:5"
        )

    @property
    def at_start(self) -> str:
        """The message where it is the first module of its flow."""
        return f"Error: {self} @worker.rs:4156:13"


def path_below(path: str | None, name: str) -> str:
    """Return the path of a job below the job of a flow.

    Raises
    ------
    PathTooLong
        If a real server could not keep it.
    """
    below = f"{path}/{name}"
    if len(below) > LONGEST_PATH:
        raise PathTooLong
    return below


@dataclass(frozen=True)
class FlowState:
    """A flow job, its value, and where it stands."""

    job: JobRow
    value: FlowValue
    run: FlowRun

    @property
    def is_preview(self) -> bool:
        """Tell whether the flow was never deployed."""
        return self.job.kind == "flowpreview"

    @property
    def size(self) -> int:
        """How many modules the flow has; also the step of its failure module."""
        return len(self.value.modules)

    @property
    def at_failure(self) -> bool:
        """Tell whether the failure module is what runs; a flow without modules has no such step."""
        return self.size > 0 and self.run.step >= self.size

    @property
    def current(self) -> Module | None:
        """The module that runs, unless it is the failure module or the preprocessor."""
        return self.value.modules[self.run.step] if 0 <= self.run.step < self.size else None


@dataclass(frozen=True)
class ModuleEnd:
    """The end of what a module waited for.

    Parameters
    ----------
    child : str or None
        The job; None where the module had none.
    success : bool
    result : JSON value
    stop : bool or None
        Where the child stopped early: whether as skipped.
    handled : bool
        Whether a failure module below has answered the failure.
    own_success : bool
        How the child's own row ended; a child that recovered in its failure module counts there as a success.
    identity : bool
        Whether the child only passed the result before it on.
    iteration : int or None
    unrecoverable : bool
        Whether the failure is not the step's own, so that its retries and tolerances do not apply.
    """

    child: str | None
    success: bool
    result: Json
    stop: bool | None = None
    handled: bool = False
    own_success: bool = True
    identity: bool = False
    iteration: int | None = None
    unrecoverable: bool = False


@dataclass(frozen=True)
class ChildJob:
    """A job that a module starts; whatever it shares with its flow is not said here.

    Its `scopes` are all that its token opens; None for what the flow's opens.
    """

    kind: JobKind
    args: dict[str, Json]
    path: str | None = None
    code: ScriptCode | None = None
    flow: FlowValue | None = None
    hash: str | None = None
    tag: str = "flow"
    timeout: int | None = None
    own_root: bool = False
    iteration: int = 0
    suspended: int = 0
    error: str | None = None
    scopes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Parked:
    """A flow that waits for people: how many answers are missing, and until when."""

    missing: int
    until: int


@dataclass(frozen=True)
class Finish:
    """How a flow job ends, and what its parent is told.

    Parameters
    ----------
    outcome : str
        ``success``, ``failure``, ``canceled`` or ``skipped``.
    result : JSON value
    success : bool
        What the parent is told, which differs from the outcome after a failure module.
    stop : bool or None
    handled : bool
    told : str or None
        JSON text that the parent is told in place of the result.
    """

    outcome: str
    result: Json
    success: bool
    stop: bool | None = None
    handled: bool = False
    told: str | None = None


@dataclass
class EventPlan:
    """All that one event changes.

    Parameters
    ----------
    run : FlowRun
    modules : dict of int to ModuleRun
        By step; the last state of each module that changed.
    finished : list of int
        The steps of modules that are to be entered into the map of results.
    children : iterable of ChildJob
        Gone through once.
    scheduled_for : int or None
        When the children may begin, in microseconds since 1970; None for at once.
    items : list or None
        What a sequential loop goes through.
    release : int or None
        Which waiting iteration of a loop with ``parallelism`` may begin.
    args : dict or None
        The arguments that a preprocessor made.
    finish : Finish or None
    parked : Parked or None
    """

    run: FlowRun
    modules: dict[int, ModuleRun] = field(default_factory=dict)
    finished: list[int] = field(default_factory=list)
    children: Iterable[ChildJob] = ()
    scheduled_for: int | None = None
    items: list[Json] | None = None
    release: int | None = None
    args: dict[str, Json] | None = None
    finish: Finish | None = None
    parked: Parked | None = None
