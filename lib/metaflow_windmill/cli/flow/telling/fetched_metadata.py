"""Local metadata of runs whose data is elsewhere, fetched for who looks at a run from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.runtime.child.local_metadata import fetch_run
from metaflow_windmill.terminal.speech import say

if TYPE_CHECKING:
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.internals.deploying import CliState


def fetch_metadata(obj: CliState, record: Record, run_id: str) -> None:
    """Fetch what the tasks of a run have left so far, so that Metaflow's client knows the run here.

    Parameters
    ----------
    obj : CliState
    record : Record
        Of the deployed flow; with a metadata service, or a shared directory, there is nothing to do.
    run_id : str
    """
    try:
        fetch_run(record, run_id)
    except Exception as why:  # noqa: BLE001 (whatever a datastore says; the run itself is as it is)
        say(obj, f"The metadata of {run_id} cannot be fetched from {record.datastore.root}: {why}.")
