"""What the datastore knows of a run's tasks: whether they began, how they ended, what they hold."""

from __future__ import annotations

import json
from io import BytesIO
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from metaflow_windmill.runtime.ids import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.types import Json

NOTE = "windmill.json"
"""The file in which a task that is over keeps, for each attempt, what its job was to return."""

_BEGUN = "attempt.json"  # metaflow.datastore.TaskDataStore.METADATA_ATTEMPT_SUFFIX
_DONE = "DONE.lock"


class Artifacts(Protocol):
    """The artifacts of a task, read when they are asked for."""

    def __contains__(self, name: str) -> bool: ...

    def __getitem__(self, name: str) -> Json: ...

    def get(self, name: str, default: Json = None) -> Json:
        """Return an artifact, or else the default."""


class Tasks(Protocol):
    """The tasks of one run, each named ``step/task``."""

    def of_run(self, run: str) -> Tasks:
        """Return the tasks of another run of the same flow."""

    def exist(self, tasks: Sequence[str]) -> list[bool]:
        """Tell of each task whether it ever began."""

    def attempts(self, task: str) -> list[int]:
        """Return the attempts of a task that began, in ascending order."""

    def is_done(self, task: str) -> bool:
        """Tell whether the first attempt of a task came to its end."""

    def note(self, task: str, attempt: int) -> Json:
        """Return what an attempt left for Windmill; None if it did not come that far."""

    def keep_note(self, task: str, attempt: int, note: Json) -> None:
        """Keep what an attempt left for Windmill."""

    def artifact(self, task: str, name: str) -> Json:
        """Return an artifact of a task that is over."""

    def succeeded(self, task: str) -> Artifacts | None:
        """Return the artifacts of a task if its last attempt ended well, else None."""

    def all_succeeded(self, *steps: str) -> Iterator[tuple[str, Artifacts]]:
        """Yield the tasks of some steps, or of all, that ended well."""

    def keep(self, name: str, content: Json) -> None:
        """Keep something of the whole run, under a name that is no task's."""

    def kept(self, name: str) -> Json:
        """Return what `keep` kept; None if there is nothing."""


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
        self._record, self._run, self._most = record, run, most_attempts

    def of_run(self, run: str) -> DatastoreTasks:
        """Return the tasks of another run of the same flow."""
        return DatastoreTasks(self._record, run, self._most)

    def exist(self, tasks: Sequence[str]) -> list[bool]:
        """Tell of each task whether it ever began."""
        return self._files([f"{task}/0.{_BEGUN}" for task in tasks])

    def attempts(self, task: str) -> list[int]:
        """Return the attempts of a task that began, in ascending order.

        They have no gaps, so the first one that is not there is the last one asked for: a task that begins
        for the first time is one request to an object store. Metaflow lists in a process of its own.
        """
        numbers = range(self._most)
        return list(takewhile(lambda number: self._files([f"{task}/{number}.{_BEGUN}"])[0], numbers))

    def is_done(self, task: str) -> bool:
        """Tell whether the first attempt of a task came to its end."""
        return self._files([f"{task}/0.{_DONE}"])[0]

    def note(self, task: str, attempt: int) -> Json:
        """Return what an attempt left for Windmill; None if it did not come that far."""
        return self._json(f"{task}/{attempt}.{NOTE}")

    def keep_note(self, task: str, attempt: int, note: Json) -> None:
        """Keep what an attempt left for Windmill."""
        self._keep(f"{task}/{attempt}.{NOTE}", note)

    def artifact(self, task: str, name: str) -> Json:
        """Return an artifact of a task that is over."""
        step, _, task_id = task.partition("/")
        return self._datastore.get_task_datastore(self._run, step, task_id)[name]

    def succeeded(self, task: str) -> Artifacts | None:
        """Return the artifacts of a task if its last attempt ended well, else None."""
        found: list[Artifacts] = self._datastore.get_task_datastores(pathspecs=[f"{self._run}/{task}"])
        return found[0] if found and found[0].get("_task_ok") else None

    def all_succeeded(self, *steps: str) -> Iterator[tuple[str, Artifacts]]:
        """Yield the tasks of some steps, or of all, that ended well."""
        from metaflow.datastore.datastore_set import TaskDataStoreSet

        names = ["_task_ok", "_foreach_stack", "_iteration_stack"]
        for found in TaskDataStoreSet(
            self._datastore, self._run, steps or None, prefetch_data_artifacts=names
        ):
            if found.get("_task_ok"):
                yield found.pathspec.partition("/")[2], found

    def keep(self, name: str, content: Json) -> None:
        """Keep something of the whole run, with its parameters."""
        self._keep(f"{PARAMETERS}/{name}", content)

    def kept(self, name: str) -> Json:
        """Return what `keep` kept; None if there is nothing."""
        return self._json(f"{PARAMETERS}/{name}")

    def _keep(self, name: str, content: Json) -> None:
        written = BytesIO(json.dumps(content).encode())
        self._storage.save_bytes([(self._path(name), written)], overwrite=True)

    def _json(self, name: str) -> Json:
        with self._storage.load_bytes([self._path(name)]) as found:
            for _, path, _ in found:
                return json.loads(Path(path).read_text(encoding="utf-8")) if path else None
        return None

    def _files(self, names: Sequence[str]) -> list[bool]:
        return list(self._storage.is_file([self._path(name) for name in names]))

    def _path(self, name: str) -> str:
        return str(self._storage.path_join(self._record.flow, self._run, *name.split("/")))


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
