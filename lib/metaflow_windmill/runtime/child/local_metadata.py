"""Local metadata of runs whose data is elsewhere: tasks leave it in the datastore, and who asks fetches it.

Metaflow's own ``@kubernetes`` does the same for the runs that it starts.
"""

from __future__ import annotations

import json
import os
import tarfile
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from metaflow_windmill.runtime.position.tasks import flow_datastore_at, storage_at

if TYPE_CHECKING:
    from metaflow_windmill.contract.record import StoreInfo
    from metaflow_windmill.types import Json

KEPT = "local_metadata"  # metaflow.metadata_provider.util


def is_elsewhere(metadata: str, datastore: str) -> bool:
    """Tell by the types of both whether metadata is local to its reader, and is handed on with the data."""
    return metadata == "local" and datastore != "local"


def fetch(place: StoreInfo, flow: str, run_id: str) -> None:
    """Fetch the metadata of a run to where Metaflow's client looks for it here.

    Asks the datastore for a listing of each task, and for what the tasks have left in two requests in all;
    raises whatever the datastore does.

    Parameters
    ----------
    place : StoreInfo
        The datastore.
    flow, run_id : str
    """
    store = storage_at(place)
    with store.load_bytes(_names(store, str(store.path_join(flow, run_id)))) as found:
        keys = {json.loads(Path(file).read_text(encoding="utf-8")) for _, file, _ in found if file}
    for _, tarball in flow_datastore_at(place, flow).load_data(sorted(keys)):
        _unpack(bytes(tarball))


def _names(store: Json, run: str) -> list[str]:
    """Return the files that name what the attempts of a run have left."""
    steps = [found.path for found in store.list_content([run]) if not found.is_file]
    tasks = [found.path for found in store.list_content(steps) if not found.is_file] if steps else []
    files = [found.path for found in store.list_content(tasks) if found.is_file] if tasks else []
    return sorted(path for path in files if path.endswith(f".{KEPT}"))


def _unpack(tarball: bytes) -> None:
    """Put what an attempt has left beside what is here, the newer of two files."""
    from metaflow.metadata_provider.util import copy_tree
    from metaflow.metaflow_config import DATASTORE_LOCAL_DIR
    from metaflow.plugins.datastores.local_storage import LocalStorage
    from metaflow.util import tar_safe_extract

    here = LocalStorage.get_datastore_root_from_config(lambda *_, **__: None)
    with TemporaryDirectory() as directory:
        with tarfile.open(fileobj=BytesIO(tarball), mode="r:gz") as tar:
            tar_safe_extract(tar, directory)
        copy_tree(os.path.join(directory, DATASTORE_LOCAL_DIR), here, update=True)  # noqa: PTH118 (Metaflow's)
