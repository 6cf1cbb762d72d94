"""Metaflow's commands for one attempt of a task: each runs in a child, and its output is kept."""

from __future__ import annotations

import gc
import importlib
import json
import math
import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from metaflow_windmill.errors import FINAL
from metaflow_windmill.internals.imported_late import imported_late
from metaflow_windmill.internals.running import spare_git
from metaflow_windmill.process.child import run_child
from metaflow_windmill.runtime.child.flow_file import jobs_own, ready_to_read_source, run_flow_file
from metaflow_windmill.runtime.child.workplace import fill, path_with_python
from metaflow_windmill.runtime.output.failure import (
    DISALLOW_RETRY,
    Failure,
    ended_badly,
    exception,
    took_too_long,
)
from metaflow_windmill.runtime.output.log_streams import SOURCE, LogStream, MappedFile
from metaflow_windmill.runtime.output.masking import Mask
from metaflow_windmill.runtime.output.metadata_service import explained
from metaflow_windmill.runtime.output.missing_module import advised
from metaflow_windmill.runtime.output.saver import Saver
from metaflow_windmill.runtime.position.tasks import flow_datastore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from metaflow_windmill.errors import TaskError
    from metaflow_windmill.internals.shapes import TaskStore
    from metaflow_windmill.process.child import Check
    from metaflow_windmill.runtime.child.deadline import Deadline
    from metaflow_windmill.runtime.child.workplace import Workplace
    from metaflow_windmill.runtime.position.identity import Task
    from metaflow_windmill.runtime.position.tasks import Tasks
    from metaflow_windmill.types import Json


# What the commands of Metaflow and the hooks in it import, without its command line itself, which is made
# for one flow when it is imported: without a flow's configurations if there is none yet.
_USED_BY_METAFLOW = (
    "metaflow.cli_components.utils",
    "metaflow.client.filecache",
    "metaflow.clone_util",
    "metaflow.lint",
    "metaflow.package",
    "metaflow.pylint_wrapper",
    "metaflow.runtime",
    "metaflow.task",
    "metaflow_windmill.runtime.child.current_trigger",
    "metaflow_windmill.runtime.position.foreach",
)


class Company(Protocol):
    """Looks after others while a child runs: entered after the fork, and left when the child has ended."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def check(self) -> None:
        """Raise what ends the child too."""


class EndedError(Exception):
    """A child of this process did not end well, in an attempt of a task."""

    def __init__(self, error: BaseException, attempt: int | None = None) -> None:
        super().__init__()
        self.error, self.attempt, self.lost = error, attempt, 0


@dataclass(frozen=True)
class Attempt:
    """One attempt of a task.

    Parameters
    ----------
    task : Task
    tasks : Tasks
        Of its run.
    number : int
        Which attempt it is, from 0.
    root : Path
        Of the unpacked code package.
    place : Workplace
    streams : tuple of LogStream
        For standard output and standard error.
    deadline : Deadline or None
        Of the run.
    watch : Company or None
        Of the other nodes, where the task is a node of a gang.
    """

    task: Task
    tasks: Tasks
    number: int
    root: Path
    place: Workplace
    streams: tuple[LogStream, LogStream]
    deadline: Deadline | None = None
    watch: Company | None = None

    def error(self, error: TaskError) -> EndedError:
        """Say in the task's own log what the child had no time to say."""
        self.streams[1].feed(f"{error}\n".encode())
        return EndedError(error, self.number)

    def datastore(self, task_id: str | None = None) -> TaskStore:
        """Return Metaflow's datastore of the task, or of another one of its step, to write to."""
        task = self.task
        return flow_datastore(task.record).get_task_datastore(
            task.run, task.spec.step, task_id or task.id, attempt=self.number, mode="w"
        )


def import_metaflow(*names: str) -> None:
    """Import in this process what its children need; that of a command where nothing is named."""
    gc.disable()  # an import makes much that stays, which a collection looks at in vain
    with imported_late():
        for name in names or _USED_BY_METAFLOW:
            importlib.import_module(name)
    spare_git()
    gc.freeze()  # so that no collection in a child touches, and copies, what it shares with the parent
    gc.enable()


def run_metaflow(attempt: Attempt, arguments: Sequence[str], then: Callable[[], None] = lambda: None) -> None:
    """Run a command of Metaflow in a child, and something more there if it ends well.

    Raises
    ------
    EndedError
        With what ended the child.
    """
    place, flow_file = attempt.place, attempt.task.record.package.flow_file
    ready_to_read_source()
    import_metaflow()
    fill(place, attempt.root)
    own = jobs_own(attempt.root)

    def body() -> int:
        if attempt.task.controls:
            path = os.environ.get("PATH", os.defpath)
            os.environ["PATH"] = path_with_python(place, Path(sys.executable), path)
        status = run_flow_file(place.work / flow_file, arguments, attempt.root, place, own)
        if not status:
            then()
        return status

    run_in_child(attempt, body)


def run_in_child(attempt: Attempt, body: Callable[[], int]) -> None:
    """Run a function in a child, whose output is that of the attempt; see `run_metaflow`."""
    place = attempt.place
    status = _child(attempt, body)
    if status > 0 and status != DISALLOW_RETRY and place.failure.exists():
        failure = Failure.from_json(json.loads(place.failure.read_text(encoding="utf-8")))
        told = advised(explained(failure, attempt.task.record.metadata.root), attempt.root)
        raise EndedError(exception(Mask.of(os.environ).failure(told)), attempt.number)
    if status:
        raise attempt.error(ended_badly(status, attempt.task.spec.step))


def outcome_of(attempt: Attempt) -> Json:
    """Return what the task left for its job.

    Raises
    ------
    EndedError
        If the user's code left the process before it could.
    """
    if not attempt.place.outcome.exists():
        raise attempt.error(ended_badly(0, attempt.task.spec.step))
    return json.loads(attempt.place.outcome.read_text(encoding="utf-8"))


@contextmanager
def saving_logs(attempt: Attempt) -> Iterator[None]:
    """Save the last of the logs, however a command ends."""
    try:
        yield
    finally:
        try:
            _save_logs(attempt)
        except Exception as why:  # noqa: BLE001 (whatever it is, the task itself has run)
            say(f"These logs are here only: the datastore did not take them ({type(why).__name__}: {why}).")


def keep_note(attempt: Attempt, outcome: Json) -> None:
    """Keep what a task left, so that a job that finds it returns that and does not run the task again."""
    note = {"job": attempt.task.job.id, "outcome": outcome, "ended_at": time.time()}
    try:
        attempt.tasks.keep_note(attempt.task.name, attempt.number, note)
    except Exception as why:  # noqa: BLE001 (whatever it is, the task itself has run)
        say(f"A job that runs this task again will not know that it ended ({type(why).__name__}: {why}).")


@contextmanager
def last_of_its_run(attempt: Attempt) -> Iterator[None]:
    """Mark what ended an attempt if another one would begin after the run's deadline."""
    try:
        yield
    except EndedError as ended:
        spec, deadline = attempt.task.spec, attempt.deadline
        if deadline and spec.retries and deadline.passed(spec.delay) and FINAL not in vars(ended.error):
            say("There is no time for another attempt: the run's --workflow-timeout comes first.")
            vars(ended.error)[FINAL] = True
        raise


def say(*sentences: str) -> None:
    """Write to the job's log what is not empty."""
    for sentence in filter(None, sentences):
        print(sentence, flush=True)


def streams_of(place: Workplace) -> tuple[LogStream, LogStream]:
    """Return streams to the output of this process."""
    mask = Mask.of(os.environ)
    return LogStream(1, place.stdout, mask), LogStream(2, place.stderr, mask)


def _child(attempt: Attempt, body: Callable[[], int]) -> int:
    """Run a function in a child, as long as the run may take; return the child's exit status."""
    saver, deadline, spec = (
        Saver(partial(_save_logs, attempt), attempt.streams),
        attempt.deadline,
        attempt.task.spec,
    )
    over = deadline.at if deadline else math.inf
    limit = math.inf if spec.seconds is None else time.time() + spec.seconds
    try:
        with_others, check = _together(saver, attempt.watch)
        return run_child(body, attempt.streams, with_others, min(over, limit), check)
    except EndedError as ended:
        attempt.streams[1].feed(f"{ended.error}\n".encode())
        raise
    except TimeoutError:
        if deadline and over <= limit:
            raise attempt.error(deadline.error(spec.step, "stopped")) from None
        raise attempt.error(took_too_long(spec.step, spec.seconds)) from None


def _together(saver: Saver, watch: Company | None) -> tuple[AbstractContextManager[None], Check]:
    """Return what goes on beside a child, and what may end it."""
    if watch is None:
        return saver, saver.check

    @contextmanager
    def both() -> Iterator[None]:
        with saver, watch:
            yield

    def check() -> None:
        saver.check()
        watch.check()

    return both(), check


def _save_logs(attempt: Attempt) -> None:
    """Save the logs where ``python flow.py logs`` finds them."""
    datastore = attempt.datastore()
    for stream in attempt.streams:
        stream.size()
    with MappedFile(attempt.place.stdout) as stdout, MappedFile(attempt.place.stderr) as stderr:
        datastore.save_logs(SOURCE, {"stdout": stdout, "stderr": stderr})
