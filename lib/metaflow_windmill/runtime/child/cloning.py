"""A task is cloned in a child: where it can be, without the flow's file, whose imports are not paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.internals.cloned_tasks import can_clone, clone_task, provider_of
from metaflow_windmill.internals.storages import storage_kinds
from metaflow_windmill.runtime.child.command_lines import clone_arguments
from metaflow_windmill.runtime.child.flow_file import run_as_program
from metaflow_windmill.runtime.child.hooks import carry_metadata
from metaflow_windmill.runtime.child.metaflow_commands import run_in_child, run_metaflow
from metaflow_windmill.runtime.position.tasks import flow_datastore

if TYPE_CHECKING:
    from metaflow_windmill.runtime.child.metaflow_commands import Attempt
    from metaflow_windmill.runtime.resumed.origin_run import Clone


def run_clone(attempt: Attempt, clone: Clone) -> None:
    """Clone a task.

    Raises
    ------
    EndedError
        With what ended the child.
    """
    task, place = attempt.task, attempt.place

    def carry() -> None:  # in the child, as no decorator does it for a clone
        carry_metadata(task.record.metadata.type, attempt.datastore(clone.task))

    if not can_clone(task.record.metadata.type, task.record.top_level):
        run_metaflow(attempt, clone_arguments(task, clone, attempt.number), carry)
        return

    def clone_it() -> None:
        _clone(attempt, clone)
        carry()

    file = place.work / task.record.package.flow_file
    run_in_child(attempt, lambda: run_as_program(clone_it, file, attempt.root, place))


def _clone(attempt: Attempt, clone: Clone) -> None:
    task = attempt.task
    record = task.record
    kind = storage_kinds()[record.datastore.type]
    kind.datastore_root = record.datastore.root  # as Metaflow's command line says to local metadata, too
    provider = provider_of(record.flow, record.metadata.type, record.tags)
    made = f"{task.run}/{task.spec.step}/{clone.task}"
    clone_task(flow_datastore(record, provider), provider, made, clone.origin, attempt.number)
