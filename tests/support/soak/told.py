"""What a soak asked for and what was found afterwards: plain data, so that accounts can be tested alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.types import Json

End = Literal["SUCCEEDED", "FAILED", "ANY"]


@dataclass(frozen=True)
class Asked:
    """A run that was asked for: how it has to end, `ANY` if it was terminated; by which version."""

    flow: str
    run: str
    number: int
    end: End = "SUCCEEDED"
    version: int = 1


@dataclass(frozen=True)
class Ran:
    """A run as Windmill tells of it: the text of its result, when it was due and when it began."""

    flow: str
    run: str
    state: str
    result: str = ""
    began: float = 0.0


@dataclass(frozen=True)
class Task:
    """A task as Metaflow's client tells of it.

    `lines` has for each of the soak's lines in the log of the latest attempt how often it is there, and
    `logged` the same of the log of the Windmill job.
    """

    flow: str
    run: str
    step: str
    id: str
    successful: bool
    attempt: int
    cloned: bool
    artifacts: Mapping[str, Json]
    lines: Mapping[str, int]
    logged: Mapping[str, int]

    @property
    def pathspec(self) -> str:
        """Its name in Metaflow."""
        return f"{self.flow}/{self.run}/{self.step}/{self.id}"


@dataclass(frozen=True)
class Ticks:
    """When the schedule was on, every how many seconds it was due, and when the server was away."""

    on: float
    off: float
    every: float
    away: tuple[tuple[float, float], ...] = ()

    def due(self) -> list[float]:
        """Return the instants at which a run was due."""
        first = int(self.on // self.every) + 1
        return [number * self.every for number in range(first, int(self.off // self.every) + 1)]


@dataclass
class Asks:
    """All that was asked for; `events` has the ids that were published by the name of the event."""

    runs: list[Asked] = field(default_factory=list)
    events: dict[str, list[str]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, what: str) -> None:
        """Count something that was done."""
        self.counts[what] = self.counts.get(what, 0) + 1


@dataclass(frozen=True)
class Found:
    """All that was there at the end; `waiting` are jobs that should have been over."""

    runs: tuple[Ran, ...]
    tasks: tuple[Task, ...]
    waiting: tuple[str, ...] = ()
