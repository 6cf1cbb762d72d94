"""What the tasks of one job do: told by its log while it runs, and by its result or its error afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from metaflow_windmill.client.models import JobState
from metaflow_windmill.contract.pack import BEFORE, FAILED, TASKS, levels_of, read_mark
from metaflow_windmill.contract.resume_argument import CLONED
from metaflow_windmill.runtime.position.task_ids import read_position, task_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.client.models import Job
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.contract.pack import Mark, Pack
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class PackedTask:
    """A task of a job, as far as it is known: `job` is as if it were the task's own.

    Parameters
    ----------
    job : Job
    name : str
        The step and the task.
    attempt : int
    reason : str
        Why it failed; empty if it did not.
    """

    job: Job
    name: str
    attempt: int = 0
    reason: str = ""


@dataclass
class PackSeen:
    """What has been seen of a job of several tasks.

    Parameters
    ----------
    names : tuple of str
        Its tasks, in order.
    """

    names: tuple[str, ...]
    _open: dict[str, PackedTask] = field(default_factory=dict)
    _over: set[str] = field(default_factory=set)
    _offset: int = 0
    _line: str = ""

    def look(self, windmill: Windmill, job: Job, why: str) -> Iterator[PackedTask]:
        """Yield each task that began, as one that runs, and each that ended, in order.

        Parameters
        ----------
        windmill : Windmill
        job : Job
            As it is now; with its result if it is over.
        why : str
            Why it failed, if it did.
        """
        rows = _rows(job.result) if job.state.final else []
        for row in rows:
            yield from self._told(job, row)
        if not rows:
            for mark in self._marks(windmill, job.id):
                yield from self._marked(job, mark)
        if job.state.final:
            yield from self._left(job, why)

    def _told(self, job: Job, row: dict[str, Json]) -> Iterator[PackedTask]:
        """Yield what a job that is over says of a task, if it ran there and nobody told yet."""
        if row["state"] == BEFORE or row["task"] in self._over:
            return
        began = datetime.fromisoformat(row["started_at"])
        ended = began + timedelta(seconds=row["seconds"])
        runs = PackedTask(_as_one(job, JobState.RUNNING, began), row["task"], row["attempt"] or 0)
        state = JobState.FAILED if row["state"] == FAILED else JobState.SUCCEEDED
        yield from self._begun(runs)
        over = replace(runs, job=_as_one(job, state, began, ended, cloned=row["state"] == CLONED))
        yield self._ended(replace(over, reason=str(row.get("error") or "")))

    def _marked(self, job: Job, mark: Mark) -> Iterator[PackedTask]:
        """Yield what the log of a job says of a task."""
        if mark.task not in self.names or mark.task in self._over:
            return
        if mark.attempt is not None:
            yield from self._begun(PackedTask(_as_one(job, JobState.RUNNING), mark.task, mark.attempt))
        elif mark.task in self._open:
            runs = self._open[mark.task]
            state = JobState.FAILED if mark.state == FAILED else JobState.SUCCEEDED
            yield self._ended(replace(runs, job=_as_one(job, state, cloned=mark.state == CLONED)))

    def _left(self, job: Job, why: str) -> Iterator[PackedTask]:
        """Yield the end of what ran when its job ended without a word: it was killed, or stopped."""
        if not (self._open or self._over) and job.state is not JobState.SUCCEEDED:
            yield from self._begun(PackedTask(_as_one(job, JobState.RUNNING), self.names[0]))
        for runs in list(self._open.values()):
            yield self._ended(replace(runs, job=job, reason=why))

    def _begun(self, part: PackedTask) -> Iterator[PackedTask]:
        if part.name not in self._open:
            self._open[part.name] = part
            yield part

    def _ended(self, part: PackedTask) -> PackedTask:
        self._open.pop(part.name, None)
        self._over.add(part.name)
        return part

    def _marks(self, windmill: Windmill, job_id: str) -> Iterator[Mark]:
        new, self._offset = windmill.log_update(job_id, self._offset)
        *lines, self._line = (self._line + new).split("\n")
        yield from filter(None, map(read_mark, lines))


def names_of(pack: Pack, inputs: dict[str, Json]) -> tuple[str, ...]:
    """Return the tasks of a job, by its inputs: ``step/task`` each."""
    return tuple(
        f"{spec.step}/{task_id(read_position(spec.levels, levels))}"
        for levels in levels_of(pack, inputs)
        for spec in pack.steps
    )


def _rows(result: Json) -> list[dict[str, Json]]:
    """Return what a job that is over says of its tasks; nothing if it had no time to."""
    if not isinstance(result, dict):
        return []
    error = result.get("error")
    said = error.get("extra") if isinstance(error, dict) else result
    rows = said.get(TASKS) if isinstance(said, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _as_one(
    job: Job,
    state: JobState,
    began: datetime | None = None,
    ended: datetime | None = None,
    *,
    cloned: bool = False,
) -> Job:
    """Return the job as that of one of its tasks."""
    labels = (CLONED,) if cloned else ()
    return replace(job, state=state, started_at=began, completed_at=ended, labels=labels)
