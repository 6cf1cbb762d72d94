"""What has become of the steps of a run so far: numbers, and what runs now."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metaflow_windmill.client.models import JobState
from metaflow_windmill.contract.resume_argument import CLONED
from metaflow_windmill.runs.expected_tasks import Planned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.runs.watch import TaskEvent, TaskJob

SHOWN = 3
"""Tasks that run now, by their names."""


@dataclass(frozen=True)
class StepRow:
    """A step of a run at one moment.

    Parameters
    ----------
    step : str
    total : int or None
        How many tasks it will have, as far as that is known.
    done, cloned, failed, stopped : int
        How many ended how; a task that failed and is tried again is none that failed.
    retried : int
        How many attempts were not the first.
    running : int
    names : tuple of str
        The ids of the first that run.
    since : float or None
        When the first began, by this machine's clock, as long as one runs.
    seconds : float or None
        How long the step took, where none runs.
    """

    step: str
    total: int | None = None
    done: int = 0
    cloned: int = 0
    failed: int = 0
    stopped: int = 0
    retried: int = 0
    running: int = 0
    names: tuple[str, ...] = ()
    since: float | None = None
    seconds: float | None = None

    @property
    def begun(self) -> bool:
        """Whether anything of it has begun."""
        return bool(self.running or self.done or self.cloned or self.failed or self.stopped)

    def counts(self) -> str:
        """Return the numbers as one reads them."""
        well = self.done + self.cloned
        if self.total == 1 and well + self.failed + self.stopped + self.running <= 1:
            parts = [self._single()]
        else:
            parts = [self._well(well)]
            parts += [f"{number:,} {word}" for number, word in self._others() if number]
        parts += [f"{self.retried:,} retried"] if self.retried else []
        return ", ".join(parts) if self.begun or self.total else ""

    def elapsed(self, now: float) -> float | None:
        """Return how long the step took, or has taken until now."""
        return self.seconds if self.since is None else now - self.since

    def _single(self) -> str:
        told = {"done": self.done, "cloned": self.cloned, "running": self.running}
        told |= {"failed": self.failed, "stopped": self.stopped}
        return next((word for word, number in told.items() if number), "to come")

    def _well(self, well: int) -> str:
        if self.total is not None:
            return f"{well:,} of {self.total:,}"
        return f"{well:,} done" if well or not self.running else f"{self.running:,} running"

    def _others(self) -> tuple[tuple[int, str], ...]:
        return ((self.cloned, "cloned"), (self.failed, "failed"), (self.stopped, "stopped"))


@dataclass
class _Step:
    planned: Planned
    done: int = 0
    cloned: int = 0
    stopped: int = 0
    failures: int = 0
    retried: int = 0
    running: dict[str, str] = field(default_factory=dict)
    since: float = 0.0
    first: datetime | None = None
    last: datetime | None = None

    def row(self, step: str, total: int | None) -> StepRow:
        failed = max(0, self.failures - self.retried)
        took = (self.last - self.first).total_seconds() if self.first and self.last else None
        return StepRow(
            step,
            total,
            self.done,
            self.cloned,
            failed,
            self.stopped,
            self.retried,
            len(self.running),
            tuple(filter(None, self.running.values()))[:SHOWN],
            self.since if self.running else None,
            None if self.running else took,
        )


class Progress:
    """Takes in what happens in a run.

    Parameters
    ----------
    plan : mapping of str to Planned
        From `plan_of`.
    clock : callable
    """

    def __init__(self, plan: Mapping[str, Planned], clock: Callable[[], float] = time.monotonic) -> None:
        self._steps = {step: _Step(planned) for step, planned in plan.items()}
        self._splits: dict[str, int | None] = {}
        self._clock = clock

    @property
    def loops(self) -> frozenset[str]:
        """The steps of which it is worth to know how many splits their tasks make."""
        return frozenset(step.planned.loop for step in self._steps.values() if step.planned.loop)

    def take(self, event: TaskEvent) -> None:
        """Take in that a task began, or ended."""
        step = self._steps.setdefault(event.task.step, _Step(Planned(certain=False)))
        self._ended(step, event) if event.ended else self._began(step, event)

    def expect(self, step: str, splits: int | None) -> None:
        """Take in how many splits a task of a step makes; None where nobody can tell."""
        before = self._splits.get(step, 0)
        self._splits[step] = None if splits is None or before is None else before + splits

    def rows(self) -> tuple[StepRow, ...]:
        """Return all steps, in the order of the flow."""
        return tuple(step.row(name, self._total(step)) for name, step in self._steps.items())

    def _began(self, step: _Step, event: TaskEvent) -> None:
        if not (step.running or step.first):
            step.since, step.first = self._clock(), event.at
        step.running[event.task.key] = event.task.id or ""
        step.retried += bool(event.task.attempt)

    def _ended(self, step: _Step, event: TaskEvent) -> None:
        step.running.pop(event.task.key, None)
        step.last = event.at or step.last
        state = event.task.job.state
        if state is JobState.FAILED:
            step.failures += 1
        elif state is JobState.CANCELED:
            step.stopped += 1
        elif CLONED in event.task.job.labels:
            step.cloned += 1
        else:
            step.done += 1

    def _total(self, step: _Step) -> int | None:
        planned = step.planned
        if not planned.certain:
            return None
        return 1 if planned.loop is None else self._splits.get(planned.loop)


class Splits:
    """Asks Windmill how many splits the tasks that make some have made.

    Parameters
    ----------
    windmill : Windmill
    loops : frozenset of str
        The steps that make splits.
    """

    def __init__(self, windmill: Windmill, loops: frozenset[str]) -> None:
        self._windmill, self._loops = windmill, loops
        self._pending: dict[str, str] = {}

    def took(self, task: TaskJob) -> None:
        """Take in a task that ended."""
        if task.step in self._loops and task.job.state is JobState.SUCCEEDED:
            self._pending[(task.whole or task.job).id] = task.step

    def told(self, progress: Progress) -> None:
        """Tell what is known by now; a job of several tasks tells it at its end."""
        for job_id, step in list(self._pending.items()):
            outcome = self._windmill.outcome(job_id)
            if outcome.completed:
                del self._pending[job_id]
                count = outcome.result.get("count") if isinstance(outcome.result, dict) else None
                progress.expect(step, count if isinstance(count, int) and count >= 0 else None)
