"""Local metadata of runs whose data is elsewhere: tasks leave it in the datastore, and it is fetched here.

Metaflow's own ``@kubernetes`` does the same for the runs that it starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.runtime.position.tasks import flow_datastore
from metaflow_windmill.terminal.speech import say

if TYPE_CHECKING:
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.internals.deploying import CliState

KEPT = "local_metadata"  # metaflow.metadata_provider.util


def fetch_metadata(obj: CliState, record: Record, run_id: str) -> None:
    """Fetch what the tasks of a run have left so far, so that Metaflow's client knows the run here.

    Parameters
    ----------
    obj : CliState
    record : Record
        Of the deployed flow; with a metadata service, or a shared directory, there is nothing to do.
    run_id : str
    """
    if not is_elsewhere(record):
        return
    try:
        fetch(record, run_id)
    except Exception as why:  # noqa: BLE001 (whatever a datastore says; the run itself is as it is)
        say(obj, f"The metadata of {run_id} cannot be fetched from {record.datastore.root}: {why}.")


def is_elsewhere(record: Record) -> bool:
    """Tell whether the metadata of runs is local to whoever reads it, and has to be fetched."""
    return record.metadata.type == "local" and record.datastore.type != "local"


def fetch(record: Record, run_id: str) -> None:
    """Fetch the metadata of a run, whatever the datastore raises."""
    from metaflow.metadata_provider.util import sync_local_metadata_from_datastore
    from metaflow.metaflow_config import DATASTORE_LOCAL_DIR

    datastore = flow_datastore(record)
    attempts = datastore.get_task_datastores(run_id, allow_not_done=True, include_prior=True)
    for attempt in sorted(attempts, key=lambda item: item.attempt):
        if attempt.has_metadata(KEPT):
            sync_local_metadata_from_datastore(DATASTORE_LOCAL_DIR, attempt)
