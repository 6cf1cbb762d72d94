"""What the step decorator ``windmill_internal`` does inside the task's process."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.internals.running import chosen_step, number_of_splits, size_of_gang, take_over
from metaflow_windmill.runtime.child.local_metadata import is_elsewhere, leave
from metaflow_windmill.runtime.child.task_environment import ALL, DUE, RENEWED
from metaflow_windmill.runtime.position.current_job import read_job
from metaflow_windmill.runtime.position.task_ids import GRAPH, PARAMETERS, UNBOUNDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow_windmill.internals.shapes import MetadataProvider, MetaflowNode, TaskFlow, TaskStore
    from metaflow_windmill.runtime.position.current_job import CurrentJob
    from metaflow_windmill.types import Json


def task_metadata(job: CurrentJob) -> dict[str, str]:
    """Return what Metaflow keeps of the job as metadata of the task; what is empty is left out."""
    fields = {
        "windmill-job-id": job.id,
        "windmill-flow-job-id": job.run,
        "windmill-root-job-id": job.root,
        "windmill-workspace": job.workspace,
        "windmill-flow-path": job.flow_path,
        "windmill-step-id": job.step,
        "windmill-job-url": job.page,
        "windmill-scheduled-for": os.environ.get(DUE, ""),
        "windmill-schedule-path": job.schedule,
    }
    return {name: value for name, value in fields.items() if value}


def register(metadata: MetadataProvider, run: str, step: str, task: str, attempt: int) -> None:
    """Register the job as metadata of an attempt of a task."""
    from metaflow.metadata_provider import MetaDatum

    tags = [f"attempt_id:{attempt}"]
    found = task_metadata(read_job(os.environ))
    entries = [MetaDatum(field=name, value=value, type=name, tags=tags) for name, value in found.items()]
    metadata.register_metadata(run, step, task, entries)


def renew(datastore: TaskStore, inputs: Sequence[TaskStore]) -> None:
    """Let a task see the parameters, the constants and the graph of its own run.

    Metaflow hands them on from task to task. In a resumed run the inputs may be clones, with the
    values that they ran with, and a parameter may be new.

    Parameters
    ----------
    datastore : TaskDataStore
        Of the task.
    inputs : sequence of TaskDataStore
        Of the tasks that it reads; only what this process holds of them is changed.
    """
    names = [name for name in os.environ.get(RENEWED, "").split(",") if name]
    if not names:
        return
    step, _, task = PARAMETERS.partition("/")
    parameters = datastore.parent_datastore.get_task_datastore(datastore.run_id, step, task)
    if names == [ALL]:
        names = [name for name in parameters if not name.startswith("_") or name == GRAPH]
    datastore.passdown_partial(parameters, names)
    for given in inputs:
        take_over(given, parameters, names)


def outcome(flow: TaskFlow, node: MetaflowNode) -> dict[str, Json]:
    """Return what the next modules of the Windmill flow have to know of a task that ended well."""
    splits = None
    if node.type == "foreach":
        gang = size_of_gang(flow) if node.parallel_foreach else None
        number = number_of_splits(flow) if gang is None else gang
        splits = UNBOUNDED if number is None else number
    chosen = chosen_step(flow) if node.type == "split-switch" else None
    return {"branch": chosen, "splits": splits}


def finish(said: dict[str, Json], file: str) -> None:
    """Leave a task's outcome for its job.

    Parameters
    ----------
    said : dict
        The task's outcome.
    file : str
        Where its job looks for it; nothing if no job does.
    """
    if file:
        Path(file).write_text(json.dumps(said), encoding="utf-8")


def carry_metadata(kind: str, datastore: TaskStore) -> None:
    """Carry metadata that lies in the working directory only to where others can fetch it."""
    if is_elsewhere(kind, datastore.TYPE):
        leave(datastore)
