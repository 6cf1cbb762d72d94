"""A run told line by line: a line a task while there are few, counts where there are many."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metaflow_windmill.client.models import JobState
from metaflow_windmill.contract.resume_argument import CLONED

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from metaflow_windmill.runs.watch import TaskEvent

EACH_TOLD = 20
"""A step with more tasks than this is told by counts."""
COUNTS_EVERY = 5.0
REASON_SHOWN = 300
"""Characters of a reason in a line of its own."""

_WORDS = {
    JobState.SUCCEEDED: "done",
    JobState.FAILED: "failed",
    JobState.CANCELED: "was stopped",
}
COLOURS = {JobState.SUCCEEDED: "green", JobState.FAILED: "red", JobState.CANCELED: "yellow"}


@dataclass
class Counts:
    """How many tasks of a step began and how they ended."""

    began: int = 0
    ended: dict[str, int] = field(default_factory=dict)

    @property
    def running(self) -> int:
        """How many are under way."""
        return self.began - sum(self.ended.values())

    def __str__(self) -> str:
        parts = [f"{number} {how}" for how, number in self.ended.items()]
        return ", ".join([*parts, f"{self.running} running"] if self.running else parts)


@dataclass
class Teller:
    """Tells of a run; `lines` is how many lines that was."""

    tell: Callable[[str, datetime | None, str | None], None]
    clock: Callable[[], float] = time.monotonic
    steps: dict[str, Counts] = field(default_factory=dict)
    told: dict[str, tuple[float, str]] = field(default_factory=dict)
    lines: int = 0

    def event(self, event: TaskEvent) -> None:
        """Tell of a task that began or ended, as long as its step has few."""
        self._ended(event) if event.ended else self._began(event)

    def counts(self, *, over: bool) -> None:
        """Tell of each step of many tasks by a line of counts now and then, and once the run is over."""
        for step, counts in self.steps.items():
            if counts.began > EACH_TOLD:
                self._tell_counts(step, counts, last=over or counts.running == 0)

    def _began(self, event: TaskEvent) -> None:
        task = event.task
        counts = self.steps.setdefault(task.step, Counts())
        counts.began += 1
        if counts.began <= EACH_TOLD:
            self._say(begun(event), event.at, None)

    def _ended(self, event: TaskEvent) -> None:
        task = event.task
        counts, state = self.steps[task.step], task.job.state
        how = _how(event)
        counts.ended[how] = counts.ended.get(how, 0) + 1
        if counts.began <= EACH_TOLD or state is JobState.FAILED:
            self._say(ended(event), event.at, COLOURS[state])

    def _tell_counts(self, step: str, counts: Counts, *, last: bool) -> None:
        text, now = str(counts), self.clock()
        then, before = self.told.get(step, (-COUNTS_EVERY, ""))
        if text != before and (last or now - then >= COUNTS_EVERY):
            self.told[step] = (now, text)
            self._say(f"{step}: {text}", None, None)

    def _say(self, text: str, at: datetime | None, colour: str | None) -> None:
        self.lines += 1
        self.tell(text, at, colour)


def begun(event: TaskEvent) -> str:
    """Return a line for a task that began."""
    attempt = event.task.attempt
    return f"{event.task.name} started{f' (attempt {attempt + 1})' if attempt else ''}"


def ended(event: TaskEvent) -> str:
    """Return a line for a task that ended."""
    task = event.task
    after = "" if task.job.seconds is None else f" after {task.job.seconds:.1f} s"
    why = f": {shortened(task.reason)}" if task.reason else ""
    return f"{task.name} {_how(event)}{after}{why}"


def shortened(reason: str) -> str:
    """Return the first line of a reason, not too long for a line of a terminal."""
    line = reason.strip().partition("\n")[0]
    return line if len(line) <= REASON_SHOWN else f"{line[:REASON_SHOWN]} ..."


def clock_time(at: datetime | None) -> str:
    """Return a time of day where the reader is; now, if there is none."""
    return time.strftime("%H:%M:%S", time.localtime(at.timestamp() if at else None))


def _how(event: TaskEvent) -> str:
    job = event.task.job
    return CLONED if CLONED in job.labels else _WORDS[job.state]
