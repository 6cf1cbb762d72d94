"""A run of a deployed flow, read by Metaflow's client where neither its tasks nor their metadata are."""

from __future__ import annotations

import os
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from metaflow_windmill.errors import DeployError
from metaflow_windmill.runtime.child.local_metadata import fetch_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow import Task
    from metaflow.plugins.cards.card_client import Card

    from metaflow_windmill.contract.record import Record

LOCAL = "/.metaflow"


@contextmanager
def known_run(record: Record, run_id: str) -> Iterator[None]:
    """Let Metaflow's client, which must not be imported before, know a run for the block.

    Metaflow reads its settings when it is imported, so a process can do this for one flow only.

    Parameters
    ----------
    record : Record
        What the flow was deployed with.
    run_id : str

    Raises
    ------
    DeployError
        If the run's tasks have left their metadata in a datastore that cannot be read.
    """
    with TemporaryDirectory() as scratch:
        os.environ.update(_settings(record, scratch))
        _fetch(record, run_id)
        from metaflow import namespace

        namespace(None)
        yield


def cards_of(task: Task) -> list[Card]:
    """Return the cards of a task; none where it has none."""
    from metaflow.cards import get_cards
    from metaflow.plugins.cards.exception import CardNotPresentException

    try:
        return list(get_cards(task))
    except CardNotPresentException:
        return []


def _settings(record: Record, scratch: str) -> dict[str, str]:
    """Return what points Metaflow at a deployment's data; metadata that is fetched goes to a folder."""
    store, root = record.datastore.type, record.datastore.root
    place = root.removesuffix(LOCAL) if store == "local" else root
    service = record.metadata.root if record.metadata.type == "service" else ""
    return {
        **{name: value for name, value in record.variables.items() if name.startswith("METAFLOW_")},
        **({"METAFLOW_SERVICE_URL": service} if service else {}),
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": scratch,
        "METAFLOW_DEFAULT_DATASTORE": store,
        "METAFLOW_DEFAULT_METADATA": record.metadata.type,
        f"METAFLOW_DATASTORE_SYSROOT_{store.upper()}": place,
        "METAFLOW_USER": record.owner,
    }


def _fetch(record: Record, run_id: str) -> None:
    try:
        fetch_run(record, run_id)
    except Exception as why:  # noqa: BLE001 (whatever a datastore and its libraries say)
        raise DeployError(
            f"What {record.flow}/{run_id} has left cannot be read from {record.datastore.root} "
            f"({type(why).__name__}: {why}). Who reads it needs the credentials for that store."
        ) from None
