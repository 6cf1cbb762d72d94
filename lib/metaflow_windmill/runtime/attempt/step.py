"""One task: its attempt of a step, run or cloned.

The parent process holds the job's token for a moment, imports Metaflow, and looks after the
children. User code runs in the children only, and each of them is a fork of a process that has
Metaflow imported, so that none pays for the import again.
"""

from __future__ import annotations

import importlib
import json
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metaflow_windmill.contract.event import TRIGGER
from metaflow_windmill.contract.pack import BEFORE, DONE, before_line, begun_line
from metaflow_windmill.contract.resume_argument import CLONED
from metaflow_windmill.errors import RetryNotAllowed
from metaflow_windmill.runtime.attempt.attempts import (
    check_not_restarted,
    finished,
    in_earlier_life,
    next_attempt,
)
from metaflow_windmill.runtime.attempt.lost import check_lost, count_lost, counted
from metaflow_windmill.runtime.attempt.result import LABELS, result
from metaflow_windmill.runtime.child.cloning import run_clone
from metaflow_windmill.runtime.child.command_lines import init_arguments, step_arguments
from metaflow_windmill.runtime.child.current_schedule import set_due
from metaflow_windmill.runtime.child.deadline import deadline_of
from metaflow_windmill.runtime.child.metaflow_commands import (
    Attempt,
    import_metaflow,
    keep_note,
    last_of_its_run,
    outcome_of,
    run_metaflow,
    saving_logs,
    say,
    streams_of,
)
from metaflow_windmill.runtime.child.task_environment import (
    ALL,
    APPROVAL,
    EVENTS,
    OUTCOME,
    RENEWED,
    task_environment,
)
from metaflow_windmill.runtime.child.workplace import workplace
from metaflow_windmill.runtime.memo.remembered import remembered
from metaflow_windmill.runtime.output.masking import Mask
from metaflow_windmill.runtime.position.identity import identify
from metaflow_windmill.runtime.position.parent_tasks import input_paths
from metaflow_windmill.runtime.position.task_ids import PARAMETERS
from metaflow_windmill.runtime.position.tasks import Tasks
from metaflow_windmill.runtime.resumed.origin_run import (
    approved,
    begin,
    cloned_outcome,
    clones,
    inherited,
    parameters_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from metaflow_windmill.contract.resume_argument import Origin
    from metaflow_windmill.contract.task_spec import TaskSpec
    from metaflow_windmill.runtime.child.deadline import Deadline
    from metaflow_windmill.runtime.position.given import Here, ReceivedInputs
    from metaflow_windmill.runtime.position.identity import Task
    from metaflow_windmill.runtime.resumed.origin_run import Clone
    from metaflow_windmill.types import Json

_CONFIGURATION = "metaflow.metaflow_config"
_ORIGIN, _APPROVED = "origin.json", "approved.json"


@dataclass(frozen=True)
class Ran:
    """A task that ended well: its result, how that came about, and which attempt it was, if it ran now.

    `earlier` is what `in_earlier_life` says of it.
    """

    result: dict[str, Json]
    state: str
    attempt: int | None = None
    earlier: dict[str, Json] = field(default_factory=dict)


def run_step(here: Here, spec: TaskSpec, given: ReceivedInputs) -> Ran:
    """Run the task of a step, unless it ended well before.

    Raises
    ------
    EndedError
        With what ended the user's code.
    TaskError
        If the task cannot be run.
    """
    check_not_restarted(given.run, given.root, here.job)
    this = identify(spec, here.record, here.job, given.run, given.levels)
    deadline = deadline_of(here, given)
    if deadline and deadline.passed():
        raise deadline.error(spec.step, "not begun")
    began = time.monotonic()
    most = _prepare(this, here.root, given)
    tasks = Tasks(here.record, this.run, most)
    set_due(here, given, tasks)
    begun = tasks.attempts(this.name)
    outcome, state, number = finished(tasks, this.name, begun), BEFORE, None
    earlier: dict[str, Json] = {}
    if outcome is not None:
        say(before_line(this.pathspec))
        earlier = in_earlier_life(tasks, this.name, begun[-1], here.job.id)
    else:
        lost = count_lost(tasks, this.name, begun, here.job.id, spec) if begun else 0
        check_lost(lost, spec)
        number = next_attempt(begun, most)
        say(begun_line(this.pathspec, number))
        with workplace(here.record.datastore) as place:
            attempt = Attempt(this, tasks, number, here.root, place, streams_of(place), deadline)
            with counted(attempt, lost):
                outcome = _run(attempt, given, lost)
        state = CLONED if CLONED in outcome else DONE
    took = time.monotonic() - began
    said = result(this, outcome | _passed_on(here, given, tasks, deadline) | _labels(this, outcome))
    said["summary"] = _summary(this, outcome, number, took)
    return Ran(said | (_report(this, given, outcome, took) if spec.ends else {}), state, number, earlier)


def _summary(task: Task, outcome: Json, number: int | None, seconds: float) -> str:
    """Return in one line what a job did."""
    if number is None:
        return f"{task.name} had ended before this job began"
    if CLONED in outcome:
        return f"{task.name} was cloned from {outcome[CLONED]}"
    again = f" at attempt {number + 1}" if number else ""
    return f"{task.name} succeeded{again} in {seconds:.1f} s"


def _report(task: Task, given: ReceivedInputs, outcome: Json, seconds: float) -> dict[str, Json]:
    """Return what shows the run; only the job that ends it pays for the import."""
    from metaflow_windmill.runtime.report.make import report

    return report(task, given, outcome, Mask.of(os.environ), seconds)


def _prepare(this: Task, root: Path, given: ReceivedInputs) -> int:
    """Set the environment, then import Metaflow, which reads it; return how many attempts it keeps."""
    os.environ.update(this.spec.environment)
    os.environ.update(task_environment(this, root, os.environ))
    import_metaflow(_CONFIGURATION)
    most = int(importlib.import_module(_CONFIGURATION).MAX_ATTEMPTS)
    os.environ[EVENTS] = json.dumps(given.events)
    if given.answered is not None:
        os.environ[APPROVAL] = json.dumps(given.answered)
    return most


def _run(attempt: Attempt, given: ReceivedInputs, lost: int) -> Json:
    """Run one attempt of a task, or clone the task; return what it left for its job."""
    task, tasks = attempt.task, attempt.tasks
    os.environ[OUTCOME] = str(attempt.place.outcome)
    origin = given.resumed if task.spec.inputs else _begin(attempt, given)
    if origin is not None:
        source = tasks.of_run(origin.run)
        found = clones(task, origin, tasks, source, given.splits)
        if found:
            said = "succeeded in the run that this one goes on from; it was"
            return _clone(attempt, found, source, f"This task {said} cloned from {found[0].origin}.")
        os.environ[RENEWED] = ",".join(origin.renewed)
    if task.spec.renews:
        os.environ[RENEWED] = ALL
    inputs = input_paths(task, given.splits, tasks)
    memo = remembered(attempt, inputs, anew=origin is not None and task.spec.step in origin.rerun)
    if memo.clone:
        said = f"cloned from {memo.clone.origin} (memo)"
        return _clone(attempt, [memo.clone], tasks.of_run(memo.clone.run), said)

    def run(now: Attempt) -> Json:
        with saving_logs(now), last_of_its_run(now):
            resumed = origin.run if origin else None
            run_metaflow(now, step_arguments(task, inputs, now.number, resumed, lost=lost))
            return outcome_of(now)

    outcome = run(attempt) if task.node is None else _in_gang(attempt, given.splits, run)
    keep_note(attempt, outcome)  # after the logs: nobody looks after them any more once it is there
    memo.keep(attempt.number)
    return outcome


def _in_gang(attempt: Attempt, count: int | None, run: Callable[[Attempt], Json]) -> Json:
    """Run a node beside the others of its gang; only such a job pays for the import."""
    from metaflow_windmill.runtime.gang.node import run_node

    if not isinstance(count, int):
        raise RetryNotAllowed(
            f"Windmill gave no number of nodes to step {attempt.task.spec.step!r}, which is one of a gang. "
            "Deploy the flow again; if it was edited by hand, undo that."
        )

    def run_beside(now: Attempt, told: dict[str, str]) -> Json:
        os.environ.update(told)
        return run(now)

    return run_node(attempt, count, run_beside)


def _begin(attempt: Attempt, given: ReceivedInputs) -> Origin | None:
    """Make the parameters of the run; return what it goes on from."""
    record, tasks, order = attempt.task.record, attempt.tasks, given.order
    if order is None:
        _init(attempt, given.values)
        return None
    source = tasks.of_run(order.run)
    before = parameters_of(order.run, record, source)
    _init(attempt, inherited(order, record, given.values, before))
    origin = begin(order, record, tasks, before, source)
    tasks.keep(_ORIGIN, origin.to_json())
    tasks.keep(_APPROVED, approved(attempt.task.spec.asks, origin, tasks, source))
    return origin


def _init(attempt: Attempt, values: dict[str, Json]) -> None:
    if not attempt.tasks.is_done(PARAMETERS):
        with saving_logs(attempt):
            run_metaflow(attempt, init_arguments(attempt.task.record, attempt.task.run, values))


def _clone(attempt: Attempt, found: Sequence[Clone], source: Tasks, said: str) -> Json:
    """Clone a task; as with Metaflow's own resume, a clone has no logs of its own."""
    task = attempt.task
    for clone in found:
        run_clone(attempt, clone)
    origin = found[0].origin
    say(said)
    return {**cloned_outcome(task.spec, source, origin.partition("/")[2]), "cloned": origin, LABELS: [CLONED]}


def _passed_on(here: Here, given: ReceivedInputs, tasks: Tasks, deadline: Deadline | None) -> dict[str, Json]:
    """Return what the start step tells all others: its outermost job, what began it, and its limit."""
    root = {"root": here.job.root} if given.run is None else {}
    origin = {"origin": tasks.kept(_ORIGIN)} if given.order else {}
    trigger = {"trigger": given.events} if given.values.get(TRIGGER) else {}
    limit = {"deadline": deadline.at} if deadline and given.run is None else {}
    tags = {"tags": list(given.tags_asked_for)} if given.run is None and given.tags_asked_for else {}
    known = {"approved": tasks.kept(_APPROVED)} if given.order else {}
    return root | origin | trigger | limit | tags | known


def _labels(task: Task, outcome: Json) -> dict[str, Json]:
    """Return the labels of a job: the run's tags on its first and on its last, whose labels the run gets."""
    tags = task.record.tags if task.spec.ends or not task.spec.inputs else ()
    labels = [*outcome.get(LABELS, ()), *tags]
    return {LABELS: labels} if labels else {}
