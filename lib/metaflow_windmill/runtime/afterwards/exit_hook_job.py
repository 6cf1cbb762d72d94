"""The job that runs the functions of ``@exit_hook`` when a run is over."""

from __future__ import annotations

import importlib
import os
from functools import partial
from typing import TYPE_CHECKING

from metaflow_windmill.contract.exit_hook import STEP, ExitHooks
from metaflow_windmill.contract.pack import FAILED_STEP, failed_step
from metaflow_windmill.contract.task_spec import TaskSpec
from metaflow_windmill.errors import TaskError
from metaflow_windmill.process.child import run_child
from metaflow_windmill.runtime.child.flow_file import enter, jobs_own
from metaflow_windmill.runtime.child.local_metadata import fetch_run
from metaflow_windmill.runtime.child.metaflow_commands import say
from metaflow_windmill.runtime.child.task_environment import task_environment
from metaflow_windmill.runtime.child.workplace import fill, workplace
from metaflow_windmill.runtime.output.failure import Failure, exception
from metaflow_windmill.runtime.output.log_streams import LogStream
from metaflow_windmill.runtime.output.masking import Mask
from metaflow_windmill.runtime.position.identity import Task
from metaflow_windmill.runtime.position.task_ids import run_id

if TYPE_CHECKING:
    from pathlib import Path

    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.runtime.child.flow_file import JobsOwn
    from metaflow_windmill.runtime.position.current_job import CurrentJob
    from metaflow_windmill.types import Json


def run_exit_hooks(
    root: Path, record: Record, job: CurrentJob, hooks: ExitHooks, error: Json
) -> dict[str, Json]:
    """Run exit hooks one after the other, each in a child, whatever becomes of the others.

    Parameters
    ----------
    root : Path
        Of the unpacked code package.
    record : Record
    job : CurrentJob
    hooks : ExitHooks
    error : JSON value
        What failed, as Windmill tells it; None if the run succeeded.

    Returns
    -------
    dict
        The run's id, and the functions that ran.

    Raises
    ------
    Exception
        If the run failed: what failed.
    TaskError
        If the run succeeded and a hook failed. The module goes on all the same, so this is seen on the
        run's page and changes nothing.
    """
    task = Task(TaskSpec(STEP), record, job, run_id(job, None))
    os.environ.update(task_environment(task, root, os.environ))
    importlib.import_module("metaflow")
    failed = [name for name in hooks.functions if not _run(task, root, name)]
    if hooks.failed:
        raise _as_it_failed(error)
    if failed:
        raise TaskError(
            f"{record.flow}/{task.run} succeeded, but of its exit hooks {', '.join(failed)} failed. "
            "What they said is in this job's log."
        )
    return {"run_id": task.run, "exit_hooks": list(hooks.functions)}


def _run(task: Task, root: Path, function: str) -> bool:
    """Run one function; tell whether it ended well."""
    say(f"Exit hook {function}")
    mask = Mask.of(os.environ)
    with workplace(task.record.datastore) as place:
        fill(place, root)
        streams = (LogStream(1, place.stdout, mask), LogStream(2, place.stderr, mask))
        file = place.work / task.record.package.flow_file
        # Its output is kept in the job only: there is no task of Metaflow that it could belong to.
        status = run_child(partial(_call, task, file, function, jobs_own(root), place.work), streams)
    if status:
        say(f"Exit hook {function} failed; the run stays what it was.")
    return not status


def _call(task: Task, file: Path, function: str, own: JobsOwn, directory: Path) -> int:
    """Call a function as Metaflow's own orchestrators do, in the child, where its run is known."""
    enter(own, directory)
    _fetch(task)
    script = importlib.import_module("metaflow.plugins.exit_hook.exit_hook_script")
    script.main(str(file), function, f"{task.record.flow}/{task.run}")
    return 0


def _fetch(task: Task) -> None:
    """Fetch what the tasks of the run have left for Metaflow's client; a hook runs without it too."""
    try:
        fetch_run(task.record, task.run)
    except Exception as why:  # noqa: BLE001 (whatever a datastore says)
        say(
            f"The hook knows no run: what its tasks have left cannot be fetched ({type(why).__name__}: {why})"
        )


def _as_it_failed(error: Json) -> BaseException:
    """Return the exception that the run failed with, with the module that it failed at."""
    said = error if isinstance(error, dict) else {}
    raised = exception(
        Failure(str(said.get("name") or "Error"), str(said.get("message") or "the run failed"))
    )
    vars(raised)[FAILED_STEP] = failed_step(error)
    return raised
