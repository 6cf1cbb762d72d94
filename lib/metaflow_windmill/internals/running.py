"""What Metaflow keeps of a task while it runs, and how a task's datastore holds its artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from metaflow_windmill.internals.shapes import TaskFlow, TaskStore
    from metaflow_windmill.types import Json


def spare_git() -> None:
    """Tell Metaflow that its flow file is in no repository, which each task would start git to learn.

    The directory of a task never is one. What Metaflow says of a run's repository is in its code package.
    """
    from metaflow import metaflow_git

    metaflow_git._git_info_cache = {}


def foreach_variable(flow: TaskFlow) -> str:
    """Return the name of the artifact that a step's foreach goes over."""
    return str(flow._foreach_var)


def number_of_splits(flow: TaskFlow) -> int | None:
    """Return how many tasks a foreach makes; None where that is not known."""
    return flow._foreach_num_splits


def size_of_gang(flow: TaskFlow) -> int | None:
    """Return what a step gave as ``num_parallel``; None if it gave none."""
    gang = getattr(flow, "_parallel_ubf_iter", None)
    return gang.num_parallel if gang else None


def tell_join(flow: TaskFlow, nodes: Sequence[str]) -> None:
    """Let a gang's control task say which tasks its join reads, ``run/step/task`` each."""
    flow._control_mapper_tasks = list(nodes)


def chosen_step(flow: TaskFlow) -> str:
    """Return the step that a switch has chosen."""
    return str(flow._transition[0][0])


def short_lived(flow: TaskFlow) -> frozenset[str]:
    """Return the attributes of a flow that are never kept."""
    return frozenset(flow._EPHEMERAL)


def tell_task(**members: object) -> None:
    """Give ``current`` members that the user's code reads."""
    from metaflow import current

    current._update_env(members)


def take_over(datastore: TaskStore, other: TaskStore, names: Iterable[str]) -> None:
    """Let a datastore that is read have artifacts of another; ``passdown_partial`` is for written ones."""
    for name in names:
        datastore._objects[name] = other._objects[name]
        datastore._info[name] = other._info[name]


def note_when_done(datastore: TaskStore, said: Mapping[str, Json]) -> None:
    """Keep something of an attempt that is done, under names of its own."""
    datastore._dangerous_save_metadata_post_done(said)


def artifacts_in(datastore: TaskStore) -> Mapping[str, Mapping[str, Json]]:
    """Return the type, size and encoding of each artifact, without its value."""
    return datastore._info


def bytes_of(datastore: TaskStore, name: str) -> bytes:
    """Return an artifact as it was pickled."""
    ((_, blob),) = datastore._ca_store.load_blobs([datastore._objects[name]])
    return bytes(blob)
