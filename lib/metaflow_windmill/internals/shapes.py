"""What Metaflow's own objects are asked, which have no types: a member that is not here is not used.

Imported for types only. ``tests/unit/internals`` holds that Metaflow's objects have what is said of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from metaflow.decorators import FlowDecorator

    from metaflow_windmill.types import Json


class MetaflowParameter(Protocol):
    """A ``Parameter`` or a ``Config``; what it was given is whatever a flow wrote."""

    IS_CONFIG_PARAMETER: bool
    name: str
    kwargs: Mapping[str, Any]


class MetaflowNode(Protocol):
    """A step in a ``FlowGraph``, a ``DAGNode``."""

    type: str
    parallel_step: bool
    parallel_foreach: bool


class MetaflowGraph(Protocol):
    """A ``FlowGraph``."""

    start_step: str
    end_step: str

    def __getitem__(self, step: str, /) -> MetaflowNode: ...


class MetaflowFlow(Protocol):
    """A ``FlowSpec`` that is compiled."""

    name: str
    _flow_decorators: Mapping[str, Sequence[FlowDecorator]]
    _flow_mutators: Sequence[Any]
    _flow_state: Mapping[Any, Any]
    _graph: MetaflowGraph
    _NON_PARAMETERS: Iterable[str]

    def _get_parameters(self) -> Iterator[tuple[str, MetaflowParameter]]: ...


class TaskFlow(Protocol):
    """A ``FlowSpec`` while a task runs, at the end of its step."""

    _foreach_var: str
    _foreach_num_splits: int | None
    _transition: Sequence[Any]
    _control_mapper_tasks: Sequence[str]
    _EPHEMERAL: Iterable[str]


class Storage(Protocol):
    """A ``DataStoreStorage``: files by names below a root."""

    def is_file(self, paths: Sequence[str]) -> Sequence[bool]: ...
    def load_bytes(self, keys: Iterable[str]) -> AbstractContextManager[Iterable[tuple[str, str, Json]]]: ...
    def save_bytes(self, items: Iterable[Any], *, overwrite: bool, len_hint: int = ...) -> None: ...
    def full_uri(self, path: str) -> str: ...
    def path_join(self, *components: str) -> str: ...


class StorageKind(Protocol):
    """A class of storages."""

    TYPE: str
    datastore_root: str | None

    def __call__(self, root: str) -> Storage: ...
    def get_datastore_root_from_config(
        self, echo: Callable[..., None], *, create_on_absent: bool
    ) -> str | None: ...


class Blobs(Protocol):
    """A ``ContentAddressedStore``."""

    def load_blobs(self, keys: Sequence[str]) -> Iterable[tuple[str, bytes]]: ...


class FlowStore(Protocol):
    """A ``FlowDataStore``."""

    TYPE: str
    flow_name: str
    datastore_root: str
    ca_store: Blobs

    def get_task_datastore(
        self,
        run_id: str,
        step_name: str,
        task_id: str,
        *,
        attempt: int | None = ...,
        mode: str = ...,
        allow_not_done: bool = ...,
    ) -> TaskStore: ...
    def get_task_datastores(self, *, pathspecs: Sequence[str]) -> list[Any]: ...
    def save_data(self, data: Sequence[bytes], *, len_hint: int) -> Sequence[tuple[str, str]]: ...
    def load_data(self, keys: Sequence[str]) -> Iterable[tuple[str, bytes]]: ...


class TaskStore(Protocol):
    """A ``TaskDataStore``."""

    TYPE: str
    run_id: str
    parent_datastore: FlowStore
    _objects: dict[str, str]
    _info: dict[str, Mapping[str, Json]]
    _ca_store: Blobs

    def __iter__(self) -> Iterator[str]: ...
    def __getitem__(self, name: str, /) -> Json: ...
    def init_task(self) -> None: ...
    def passdown_partial(self, origin: TaskStore, names: Sequence[str]) -> None: ...
    def _dangerous_save_metadata_post_done(self, contents: Mapping[str, Json]) -> None: ...
    def save_logs(self, logsource: str, stream_data: Mapping[str, Any]) -> None: ...


class MetadataProvider(Protocol):
    """A ``MetadataProvider``."""

    TYPE: str

    def metadata_str(self) -> str: ...
    def register_metadata(
        self, run_id: str, step_name: str, task_id: str, metadata: Sequence[Any]
    ) -> None: ...


class MetaflowEnvironment(Protocol):
    """A ``MetaflowEnvironment``."""

    TYPE: str

    def get_environment_info(self) -> dict[str, Json]: ...


class Sidecar(Protocol):
    """An event logger or a monitor."""

    TYPE: str
