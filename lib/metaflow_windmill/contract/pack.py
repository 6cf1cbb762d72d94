"""A pack: several tasks that one job of Windmill runs, one after the other, each in a process of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metaflow_windmill.contract.resume_argument import CLONED
from metaflow_windmill.contract.task_spec import TaskSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from metaflow_windmill.types import Json

PACK = "pack"
"""The one key of the input ``task`` of a job that runs several tasks; its value is a `Pack`."""

TASKS = "tasks"
"""The key under which such a job says what became of each task: in its result, or in what its error adds."""

DONE, FAILED, BEFORE = "done", "failed", "done before"
"""What becomes of a task, beside `resume.CLONED`; the last one ended well in an earlier job."""

FAILED_STEP = "failed_step"
"""The attribute of an error that says which step or task failed, where its module does not say it."""

Range = tuple[int, int]
"""Numbers of items: the first, and the one after the last."""


@dataclass(frozen=True)
class Pack:
    """The tasks of one job.

    Parameters
    ----------
    steps : tuple of TaskSpec
        Steps in a row, each the only parent of the next. All have the same levels.
    items : int
        How many items of the innermost foreach the job takes at most, each through all of the steps;
        0 where it takes no items, but runs each step once.
    """

    steps: tuple[TaskSpec, ...]
    items: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the pack as JSON."""
        items = {"items": self.items} if self.items else {}
        return {PACK: {"steps": [step.to_json() for step in self.steps], **items}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Pack:
        """Read what `to_json` wrote."""
        said = data[PACK]
        return cls(tuple(map(TaskSpec.from_json, said["steps"])), int(said.get("items", 0)))


def read_task(data: Mapping[str, Any]) -> TaskSpec | Pack | None:
    """Return what the input ``task`` of a job says; None where it runs no task of Metaflow."""
    if PACK in data:
        return Pack.from_json(data)
    return TaskSpec.from_json(dict(data)) if "step" in data else None


def levels_of(pack: Pack, levels: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    """Go through the levels of each item of a job, in order; where it takes no items, those of the job."""
    name = f"level_{len(pack.steps[0].levels) - 1}"
    items = _range(levels.get(name)) if pack.items else None
    if items is None:
        yield dict(levels)
    else:
        for number in range(*items):
            yield {**levels, name: {"index": number, "value": number}}


def _range(level: Json) -> Range | None:
    """Return the items that a loop gave to a job; None if that is something else."""
    value = level.get("value") if isinstance(level, dict) else None
    if not isinstance(value, list) or [type(end) for end in value] != [int, int]:
        return None
    return value[0], value[1]


def failed_step(error: Json) -> str:
    """Return what failed, by an error as Windmill keeps it: a task, a module, or nothing."""
    said = error if isinstance(error, dict) else {}
    extra = said.get("extra")
    told = extra.get(FAILED_STEP) if isinstance(extra, dict) else None
    return str(told or said.get("step_id") or "")


# What the log of a job says of its tasks, so that others can tell whose lines are whose while the job runs.


def begun_line(pathspec: str, attempt: int) -> str:
    """Return the line of a job's log after which a task's own lines come."""
    return f"{pathspec}, attempt {attempt}"


def ended_line(pathspec: str, state: str, seconds: float) -> str:
    """Return the line of a job's log that comes after a task's own."""
    return f"{pathspec} {state} after {seconds} s"


def before_line(pathspec: str) -> str:
    """Return the line of a job's log that stands for a task's own, if that ended well in an earlier job."""
    return f"{pathspec} ended before this job began; this job returns its result."


_TASK = r"[^/\s]+/[^/\s]+/(?P<task>[^/\s]+/[^/\s]+)"
_BEGUN = re.compile(rf"{_TASK}, attempt (?P<attempt>\d+)$")
_ENDED = re.compile(rf"{_TASK} (?P<state>{DONE}|{FAILED}|{CLONED}) after (?P<seconds>[\d.]+) s$")
_BEFORE = re.compile(rf"{re.escape(before_line('TASK')).replace('TASK', _TASK)}$")


@dataclass(frozen=True)
class Mark:
    """What a line of a job's log says of a task: which attempt begins, or how it ended."""

    task: str
    attempt: int | None = None
    state: str | None = None
    seconds: float | None = None


def read_mark(line: str) -> Mark | None:
    """Return what a line of a job's log says of a task; None for a line that is a task's own."""
    begun, ended, before = (form.search(line) for form in (_BEGUN, _ENDED, _BEFORE))
    if begun:
        return Mark(begun["task"], attempt=int(begun["attempt"]))
    if ended:
        return Mark(ended["task"], state=ended["state"], seconds=float(ended["seconds"]))
    return Mark(before["task"], state=BEFORE) if before else None
