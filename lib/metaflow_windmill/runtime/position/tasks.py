"""What the datastore knows of a run's tasks: whether they began, how they ended, what they hold."""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import BytesIO
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from metaflow_windmill.contract.memo import PARTS
from metaflow_windmill.internals.storages import storage_kinds
from metaflow_windmill.runtime.position.task_ids import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from metaflow_windmill.contract.record import Record, StoreInfo
    from metaflow_windmill.internals.shapes import FlowStore, MetadataProvider, Storage
    from metaflow_windmill.types import Json

NOTE = "windmill.json"
"""The file in which a task that is over keeps, for each attempt, what its job was to return."""

_BEGUN = "attempt.json"  # metaflow.datastore.TaskDataStore.METADATA_ATTEMPT_SUFFIX
_DONE = "DONE.lock"
_FAILED = "windmill-failed.json"


@dataclass(frozen=True)
class StoredArtifact:
    """An artifact as the datastore has it.

    Parameters
    ----------
    sha : str
        Of its bytes, which are kept by it.
    type : str
        Of the object, as Python shows it: ``<class 'int'>``.
    encoding : str
    size : int
        In bytes.
    """

    sha: str
    type: str = ""
    encoding: str = ""
    size: int = 0


class Artifacts(Protocol):
    """The artifacts of a task, read when they are asked for."""

    def __contains__(self, name: str) -> bool: ...

    def __getitem__(self, name: str) -> Json: ...

    def get(self, name: str, default: Json = None) -> Json:
        """Return an artifact, or else the default."""


class Tasks:
    """The tasks of one run in Metaflow's datastore, each named ``step/task``.

    Parameters
    ----------
    record : Record
        Says which datastore.
    run : str
    most_attempts : int
        Metaflow's limit.
    """

    def __init__(self, record: Record, run: str, most_attempts: int) -> None:
        self._storage = storage_at(record.datastore)
        self._datastore = flow_datastore(record)
        self._record, self._run, self._most = record, run, most_attempts

    def of_run(self, run: str) -> Tasks:
        """Return the tasks of another run of the same flow."""
        return Tasks(self._record, run, self._most)

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

    def begun_at(self, task: str, attempt: int) -> float | None:
        """Return when an attempt began, in seconds since 1970; None where nobody knows."""
        found = self._json(f"{task}/{attempt}.{_BEGUN}")
        return float(found["time"]) if isinstance(found, dict) and "time" in found else None

    def mark(self, task: str, attempt: int) -> Json:
        """Return the mark of an attempt that failed; None where it has none."""
        return self._json(f"{task}/{attempt}.{_FAILED}")

    def keep_mark(self, task: str, attempt: int, mark: Json) -> None:
        """Mark an attempt that failed."""
        self._keep(f"{task}/{attempt}.{_FAILED}", mark)

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

    def contents(self, tasks: Sequence[str]) -> Sequence[Mapping[str, StoredArtifact]]:
        """Return of each task that is over what artifacts it has, without reading them."""
        paths = {f"{self._run}/{task}": task for task in tasks}
        found = self._datastore.get_task_datastores(pathspecs=list(paths))
        told = {f"{one.run_id}/{one.step_name}/{one.task_id}": _contents(one.ds_metadata) for one in found}
        return [told[path] for path in paths]

    def blobs(self, shas: Iterable[str]) -> Iterator[bytes]:
        """Yield what is kept by some shas, in any order."""
        return (blob for _, blob in self._datastore.ca_store.load_blobs(list(shas)))

    def is_whole(self, task: str) -> bool:
        """Tell whether all that a task made is still there."""
        join, flow = self._storage.path_join, self._record.flow
        (held,) = self.contents([task])
        shas = {content.sha for content in held.values()}
        return all(self._storage.is_file([join(flow, "data", sha[:2], sha) for sha in shas]))

    def keep_parts(self, task: str, attempt: int, parts: Json) -> None:
        """Keep what the key of an attempt was made of."""
        self._keep(f"{task}/{attempt}.{PARTS}", parts)

    def parts(self, task: str) -> Json:
        """Return what the key of a task's last attempt was made of; None if that was not kept."""
        begun = self.attempts(task)
        return self._json(f"{task}/{begun[-1]}.{PARTS}") if begun else None

    def share(self, name: str, content: Json) -> None:
        """Keep something for all runs of the flow."""
        self._write(str(self._storage.path_join(self._record.flow, *name.split("/"))), content)

    def shared(self, name: str) -> Json:
        """Return what `share` kept; None if there is nothing, or nothing that can be read."""
        try:
            return self._read(str(self._storage.path_join(self._record.flow, *name.split("/"))))
        except ValueError:  # a local file that is being written this moment
            return None

    def keep(self, name: str, content: Json) -> None:
        """Keep something of the whole run, with its parameters."""
        self._keep(f"{PARAMETERS}/{name}", content)

    def kept(self, name: str) -> Json:
        """Return what `keep` kept; None if there is nothing."""
        return self._json(f"{PARAMETERS}/{name}")

    def _keep(self, name: str, content: Json) -> None:
        self._write(self._path(name), content)

    def _json(self, name: str) -> Json:
        return self._read(self._path(name))

    def _write(self, path: str, content: Json) -> None:
        self._storage.save_bytes([(path, BytesIO(json.dumps(content).encode()))], overwrite=True)

    def _read(self, path: str) -> Json:
        with self._storage.load_bytes([path]) as found:
            for _, file, _ in found:
                return json.loads(Path(file).read_text(encoding="utf-8")) if file else None
        return None

    def _files(self, names: Sequence[str]) -> list[bool]:
        return list(self._storage.is_file([self._path(name) for name in names]))

    def _path(self, name: str) -> str:
        return str(self._storage.path_join(self._record.flow, self._run, *name.split("/")))


def _contents(metadata: Json) -> dict[str, StoredArtifact]:
    def content(name: str, sha: str) -> StoredArtifact:
        told = metadata["info"].get(name, {})
        return StoredArtifact(sha, told.get("type", ""), told.get("encoding", ""), told.get("size", 0))

    return {name: content(name, sha) for name, sha in metadata["objects"].items()}


def storage_at(place: StoreInfo) -> Storage:
    """Return Metaflow's storage of a datastore."""
    return storage_kinds()[place.type](place.root)


def flow_datastore(record: Record, metadata: MetadataProvider | None = None) -> FlowStore:
    """Return Metaflow's datastore of the flow, which tells a provider of metadata of tasks if it has one."""
    return flow_datastore_at(record.datastore, record.flow, metadata)


def flow_datastore_at(place: StoreInfo, flow: str, metadata: MetadataProvider | None = None) -> FlowStore:
    """Return Metaflow's datastore of a flow in a datastore."""
    from metaflow.datastore import FlowDataStore

    kind = storage_kinds()[place.type]
    return FlowDataStore(flow, None, metadata, storage_impl=kind, ds_root=place.root)  # type: ignore[no-any-return]
