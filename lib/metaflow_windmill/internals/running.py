"""What Metaflow keeps of a task while it runs, and how a task's datastore holds its artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from metaflow_windmill.types import Json


def foreach_variable(flow: Any) -> str:  # noqa: ANN401  (a FlowSpec)
    """Return the name of the artifact that a step's foreach goes over."""
    return str(flow._foreach_var)  # noqa: SLF001


def number_of_splits(flow: Any) -> int | None:  # noqa: ANN401  (a FlowSpec)
    """Return how many tasks a foreach makes; None where that is not known."""
    splits: int | None = flow._foreach_num_splits  # noqa: SLF001
    return splits


def size_of_gang(flow: Any) -> int | None:  # noqa: ANN401  (a FlowSpec)
    """Return what a step gave as ``num_parallel``; None if it gave none."""
    gang = getattr(flow, "_parallel_ubf_iter", None)
    return gang.num_parallel if gang else None


def tell_join(flow: Any, nodes: Sequence[str]) -> None:  # noqa: ANN401  (a FlowSpec)
    """Let a gang's control task say which tasks its join reads, ``run/step/task`` each."""
    flow._control_mapper_tasks = list(nodes)  # noqa: SLF001


def chosen_step(flow: Any) -> str:  # noqa: ANN401  (a FlowSpec)
    """Return the step that a switch has chosen."""
    return str(flow._transition[0][0])  # noqa: SLF001


def short_lived(flow: Any) -> frozenset[str]:  # noqa: ANN401  (a FlowSpec)
    """Return the attributes of a flow that are never kept."""
    return frozenset(flow._EPHEMERAL)  # noqa: SLF001


def tell_task(**members: Any) -> None:  # noqa: ANN401  (what a member of ``current`` may be)
    """Give ``current`` members that the user's code reads."""
    from metaflow import current

    current._update_env(members)  # noqa: SLF001


def take_over(datastore: Any, other: Any, names: Iterable[str]) -> None:  # noqa: ANN401  (TaskDataStores)
    """Let a datastore that is read have artifacts of another; ``passdown_partial`` is for written ones."""
    for name in names:
        datastore._objects[name] = other._objects[name]  # noqa: SLF001
        datastore._info[name] = other._info[name]  # noqa: SLF001


def artifacts_in(datastore: Any) -> Mapping[str, Mapping[str, Json]]:  # noqa: ANN401  (a TaskDataStore)
    """Return the type, size and encoding of each artifact, without its value."""
    infos: Mapping[str, Mapping[str, Json]] = datastore._info  # noqa: SLF001
    return infos


def bytes_of(datastore: Any, name: str) -> bytes:  # noqa: ANN401  (a TaskDataStore)
    """Return an artifact as it was pickled."""
    ((_, blob),) = datastore._ca_store.load_blobs([datastore._objects[name]])  # noqa: SLF001
    return bytes(blob)
