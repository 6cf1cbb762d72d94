"""One job: what the body of a step (`package.body`) hands over to, from the code package."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from metaflow_windmill.contract.event import PUBLISH
from metaflow_windmill.contract.exit_hook import EXIT_HOOKS, ExitHooks
from metaflow_windmill.contract.notification import NOTIFY, Notification
from metaflow_windmill.contract.pack import PACK, Pack
from metaflow_windmill.contract.record import Record
from metaflow_windmill.contract.tags import tagged
from metaflow_windmill.contract.task_spec import TaskSpec
from metaflow_windmill.runtime.attempt.step import run_step
from metaflow_windmill.runtime.child.metaflow_commands import EndedError
from metaflow_windmill.runtime.child.package_cache import LIMIT, is_due, limit_of, tidy
from metaflow_windmill.runtime.position.current_job import read_job
from metaflow_windmill.runtime.position.given import Here, ReceivedInputs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from metaflow_windmill.types import Json


def run_task(
    root: Path,
    task: Json,
    token: str,
    inputs: Mapping[str, Json],
    *,
    asked: Mapping[str, Json] | None = None,
    new: bool = False,
) -> dict[str, Json]:
    """Do what this job is for.

    Parameters
    ----------
    root : Path
        Of the unpacked code package, whose ``.mf_code`` is on the path.
    task : JSON value
        A `TaskSpec`, or an object with one key that says what else the job is for: a `Pack` is one.
    token : str
        The job's own, which is nowhere else any more; only a job that publishes has it.
    inputs : mapping of str to JSON
        Those of `JobInputs`, by name.
    asked : mapping, optional
        ``began``, ``due`` and ``history``, as far as the job asked for them; see `ReceivedInputs`.
    new : bool
        Whether the package was unpacked for this job.

    Returns
    -------
    dict
        The job's result.

    Raises
    ------
    Exception
        One with the name, the message and the traceback of what ended the user's code.
    TaskError
        If the task cannot be run, or its process ended without an exception.
    """
    most = limit_of(os.environ.get(LIMIT)) if new else 0
    tidies = new and is_due(root.parent)
    given = ReceivedInputs.of(inputs, **(asked or {}))
    record = tagged(Record.from_json(given.deployment), given.tags_asked_for)
    here = Here(root, record, read_job(os.environ), token)
    do = next((part for key, part in _OTHERS.items() if key in task), _step)
    try:
        return do(here, task, given)
    except EndedError as ended:
        raise ended.error from None  # here, so that little of this project is in its traceback
    finally:
        if tidies:
            with suppress(OSError):  # a task that is over is not lost by it
                tidy(root.parent, most)


# What only these jobs need they import themselves: every task of every run would pay for it.


def _publish(here: Here, task: Json, given: ReceivedInputs) -> dict[str, Json]:
    from metaflow_windmill.runtime.afterwards.publish_job import publish_end
    from metaflow_windmill.runtime.attempt.attempts import windmill_of

    windmill = windmill_of(here.job, here.token)
    return given.reported | publish_end(windmill, here.record, str(given.run), task[PUBLISH])


def _exit_hooks(here: Here, task: Json, given: ReceivedInputs) -> dict[str, Json]:
    from metaflow_windmill.runtime.afterwards.exit_hook_job import run_exit_hooks

    hooks = ExitHooks.from_json(task[EXIT_HOOKS])
    return given.reported | run_exit_hooks(here.root, here.record, here.job, hooks, given.error)


def _notify(here: Here, task: Json, given: ReceivedInputs) -> dict[str, Json]:
    from metaflow_windmill.runtime.afterwards.notification_job import notify

    told = notify(here.record, here.job, Notification.from_json(task[NOTIFY]), given.error)
    return given.reported | told


def _step(here: Here, task: Json, given: ReceivedInputs) -> dict[str, Json]:
    return run_step(here, TaskSpec.from_json(task), given).result


def _pack(here: Here, task: Json, given: ReceivedInputs) -> dict[str, Json]:
    from metaflow_windmill.runtime.attempt.pack_job import run_pack

    return run_pack(here, Pack.from_json(task), given)


_OTHERS: dict[str, Callable[[Here, Json, ReceivedInputs], dict[str, Json]]] = {
    PUBLISH: _publish,
    EXIT_HOOKS: _exit_hooks,
    NOTIFY: _notify,
    PACK: _pack,
}
"""What jobs do that are not one task of Metaflow, by the one key of their input ``task``."""
