"""What the datastore knows of a run's tasks: whether they began, how they ended, what they hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.types import Json

NOTE = "windmill.json"
"""The file in which a task that is over keeps, for each attempt, what its job was to return."""

_BEGUN = "attempt.json"  # metaflow.datastore.TaskDataStore.METADATA_ATTEMPT_SUFFIX
_DONE = "DONE.lock"


class Tasks(Protocol):
    """The tasks of one run, each named ``step/task``."""

    def exist(self, tasks: Sequence[str]) -> list[bool]:
        """Tell of each task whether it ever began."""

    def attempts(self, task: str) -> list[int]:
        """Return the attempts of a task that began, in ascending order."""

    def is_done(self, task: str) -> bool:
        """Tell whether the first attempt of a task came to its end."""

    def note(self, task: str, attempt: int) -> Json:
        """Return what an attempt left for Windmill; None if it did not come that far."""

    def artifact(self, task: str, name: str) -> Json:
        """Return an artifact of a task that is over."""


class DatastoreTasks:
    """The tasks of a run in Metaflow's datastore.

    Parameters
    ----------
    record : Record
        Says which datastore.
    run : str
    most_attempts : int
        Metaflow's limit.
    """

    def __init__(self, record: Record, run: str, most_attempts: int) -> None:
        self._storage = storage(record)
        self._datastore = flow_datastore(record)
        self._flow, self._run, self._most = record.flow, run, most_attempts

    def exist(self, tasks: Sequence[str]) -> list[bool]:
        """Tell of each task whether it ever began."""
        return self._files([f"{task}/0.{_BEGUN}" for task in tasks])

    def attempts(self, task: str) -> list[int]:
        """Return the attempts of a task that began, in ascending order."""
        began = self._files([f"{task}/{number}.{_BEGUN}" for number in range(self._most)])
        return [number for number, there in enumerate(began) if there]

    def is_done(self, task: str) -> bool:
        """Tell whether the first attempt of a task came to its end."""
        return self._files([f"{task}/0.{_DONE}"])[0]

    def note(self, task: str, attempt: int) -> Json:
        """Return what an attempt left for Windmill; None if it did not come that far."""
        with self._storage.load_bytes([self._path(f"{task}/{attempt}.{NOTE}")]) as found:
            for _, path, _ in found:
                return json.loads(Path(path).read_text(encoding="utf-8")) if path else None
        return None

    def artifact(self, task: str, name: str) -> Json:
        """Return an artifact of a task that is over."""
        step, _, task_id = task.partition("/")
        return self._datastore.get_task_datastore(self._run, step, task_id)[name]

    def _files(self, names: Sequence[str]) -> list[bool]:
        return list(self._storage.is_file([self._path(name) for name in names]))

    def _path(self, name: str) -> str:
        return str(self._storage.path_join(self._flow, self._run, *name.split("/")))


def storage(record: Record) -> Json:
    """Return Metaflow's storage of the record's datastore."""
    from metaflow.plugins import DATASTORES

    kind = next(kind for kind in DATASTORES if record.datastore.type == kind.TYPE)
    return kind(record.datastore.root)


def flow_datastore(record: Record) -> Json:
    """Return Metaflow's datastore of the flow."""
    from metaflow.datastore import FlowDataStore
    from metaflow.plugins import DATASTORES

    kind = next(kind for kind in DATASTORES if record.datastore.type == kind.TYPE)
    return FlowDataStore(record.flow, None, storage_impl=kind, ds_root=record.datastore.root)
