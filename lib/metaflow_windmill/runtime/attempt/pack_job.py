"""A job of several tasks: each a process of its own, forked from this one, which has Metaflow imported.

What a task is told, where it keeps what, and which attempt it is, is as in a job of its own. A task that
ended well before, in a job that failed or died later, is not run again.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING

from metaflow_windmill.contract.pack import BEFORE, FAILED, FAILED_STEP, TASKS, ended_line, levels_of
from metaflow_windmill.errors import FINAL, TaskError, WorkflowTimeout
from metaflow_windmill.runtime.attempt.result import packed
from metaflow_windmill.runtime.attempt.step import run_step
from metaflow_windmill.runtime.child.metaflow_commands import EndedError, say
from metaflow_windmill.runtime.position.given import ReceivedInputs
from metaflow_windmill.runtime.position.identity import identify
from metaflow_windmill.runtime.report.step_outcomes import with_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.contract.pack import Pack
    from metaflow_windmill.runtime.position.given import Here
    from metaflow_windmill.runtime.position.identity import Task
    from metaflow_windmill.types import Json

_TOLD_BY_START = ("origin", "trigger", "deadline", "root", "tags")
_SHOWN = 500
"""Characters of what a task failed with, in the list of all; the error itself has all of it."""


@dataclass
class _Report:
    """What became of each task so far, the results of those that ended well, and what the others raised."""

    rows: list[dict[str, Json]] = field(default_factory=list)
    results: list[dict[str, Json]] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    @property
    def out_of_time(self) -> bool:
        """Whether the run is over, so that no further task begins."""
        return any(isinstance(error, WorkflowTimeout) for error in self.errors)


def run_pack(here: Here, pack: Pack, given: ReceivedInputs) -> dict[str, Json]:
    """Run the tasks of a job one after the other; return what the last one returns, and a list of all.

    Where a task fails, what follows it is left out, and the other items are done all the same, as they would
    be in jobs of their own.

    Raises
    ------
    EndedError
        With the error of the first task that no other attempt can help, or else of the first that failed. Its
        attribute ``tasks`` says what became of each task.
    """
    report = _Report()
    told = replace(given, history=partial(_history, given, report))
    items = [replace(told, levels=levels) for levels in levels_of(pack, given.levels)]
    say(f"This job runs {len(items) * len(pack.steps)} tasks, each in a process of its own.")
    for item in items:
        if not report.out_of_time:
            _run_item(here, pack, item, report)
    if report.errors:
        raise EndedError(_first_error(report))
    return packed(report.results, report.rows)


def _history(given: ReceivedInputs, report: _Report) -> Json:
    """Return what became of the run's tasks, those of this job among them; None if it is not known of all."""
    told = given.history()
    return None if told is None and given.run is not None else with_tasks(told, report.rows)


def _run_item(here: Here, pack: Pack, given: ReceivedInputs, report: _Report) -> None:
    """Run the steps of one item up to the first that fails."""
    for spec in pack.steps:
        task = identify(spec, here.record, here.job, given.run, given.levels)
        result = _run_task(here, task, given, report)
        if result is None:
            return
        report.results.append(result)
        given = _onwards(given, result)


def _run_task(here: Here, task: Task, given: ReceivedInputs, report: _Report) -> dict[str, Json] | None:
    """Run one task; return its result, or None if it failed."""
    began = datetime.now(timezone.utc)
    row: dict[str, Json] = {"task": task.name, "started_at": began.isoformat(timespec="milliseconds")}
    report.rows.append(row)
    try:
        with own_environment():
            ran = run_step(here, task.spec, given)
    except (EndedError, TaskError) as why:
        error, attempt = (why.error, why.attempt) if isinstance(why, EndedError) else (why, None)
        lost = why.lost if isinstance(why, EndedError) else 0
        row |= {"state": FAILED, "attempt": attempt, "seconds": _since(began), "error": _short(error)}
        say(ended_line(task.pathspec, FAILED, row["seconds"]))
        report.errors.append(_marked(error, task, None if attempt is None else attempt - lost))
        return None
    row |= {"state": ran.state, "attempt": ran.attempt, "seconds": _since(began)} | ran.earlier
    say(ended_line(task.pathspec, ran.state, row["seconds"]) if ran.state != BEFORE else "")
    return ran.result


@contextmanager
def own_environment() -> Iterator[None]:
    """Give back the environment as it was: what one task sets is nothing to the next."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        for name, value in before.items():
            if os.environ.get(name) != value:
                os.environ[name] = value


def _marked(error: BaseException, task: Task, attempt: int | None) -> BaseException:
    """Return the error of a task, with the task, and a mark if the task has no further attempt.

    Windmill counts the job's attempts, and a job has as many as all of its tasks together. What a lost worker
    had begun is none of the task's own attempts.
    """
    vars(error)[FAILED_STEP] = task.name
    if task.spec.retries == 0 or (attempt is not None and attempt >= task.spec.retries):
        vars(error)[FINAL] = True
    return error


def _first_error(report: _Report) -> BaseException:
    final = (error for error in report.errors if vars(error).get(FINAL))
    error = next(final, report.errors[0])
    vars(error)[TASKS] = report.rows
    return error


def _onwards(given: ReceivedInputs, result: dict[str, Json]) -> ReceivedInputs:
    """Return what the next task is told: after the start step, what that has told."""
    if given.run is not None:
        return given
    told = {name: result.get(name) for name in _TOLD_BY_START}
    return ReceivedInputs(run=result["run_id"], levels=given.levels, history=given.history, **told)


def _since(began: datetime) -> float:
    return round((datetime.now(timezone.utc) - began).total_seconds(), 3)


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:_SHOWN]
