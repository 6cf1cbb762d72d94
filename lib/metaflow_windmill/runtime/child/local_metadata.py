"""Local metadata of runs whose data is elsewhere: tasks leave it in the datastore, and who asks fetches it.

Metaflow's own ``@kubernetes`` does the same for the runs that it starts.
"""

from __future__ import annotations

import json
import os
import tarfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from metaflow_windmill.internals.running import note_when_done
from metaflow_windmill.runtime.position.tasks import flow_datastore_at, storage_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from metaflow_windmill.contract.record import Record, StoreInfo
    from metaflow_windmill.internals.shapes import TaskStore
    from metaflow_windmill.types import Json

KEPT = "local_metadata"  # metaflow.metadata_provider.util


def is_elsewhere(metadata: str, datastore: str) -> bool:
    """Tell by the types of both whether metadata is local to its reader, and is handed on with the data."""
    return metadata == "local" and datastore != "local"


def leave(datastore: TaskStore) -> None:
    """Leave the metadata of a task, which lies in its working directory only, with its data.

    What Metaflow has for that (``sync_local_metadata_to_datastore``) fails where something else writes there
    at the same time, as the other nodes of a gang do, and where the step's code has changed its directory.

    Parameters
    ----------
    datastore : TaskStore
        Of the task, which is done.
    """
    from metaflow.metaflow_config import DATASTORE_LOCAL_DIR
    from metaflow.plugins.datastores.local_storage import LocalStorage

    packed, root = BytesIO(), Path(LocalStorage.datastore_root or DATASTORE_LOCAL_DIR)
    with tarfile.open(mode="w:gz", fileobj=packed) as tar:
        for path in sorted(root.rglob("*.json")):  # what is being written has another name
            with suppress(FileNotFoundError), path.open("rb") as file:
                name = Path(DATASTORE_LOCAL_DIR, path.relative_to(root))
                tar.addfile(tar.gettarinfo(arcname=str(name), fileobj=file), file)
    ((_, key),) = datastore.parent_datastore.save_data([packed.getvalue()], len_hint=1)
    note_when_done(datastore, {KEPT: key})


def fetch_run(record: Record, run_id: str) -> None:
    """Fetch the metadata of a run of a deployment, where it is not known here anyway; see `fetch`."""
    if is_elsewhere(record.metadata.type, record.datastore.type):
        fetch(record.datastore, record.flow, run_id)


def fetch(place: StoreInfo, flow: str, run_id: str) -> None:
    """Fetch the metadata of a run, and of those that its clones come from, to where Metaflow's client looks.

    Asks an S3 store for one listing in all, others for one of each task, then for two files of each attempt;
    raises whatever the datastore does.

    Parameters
    ----------
    place : StoreInfo
        The datastore.
    flow, run_id : str
    """
    known, left = {run_id}, [run_id]
    while left:
        new = _fetched(place, flow, left.pop()) - known
        known |= new
        left += new


def _fetched(place: StoreInfo, flow: str, run_id: str) -> set[str]:
    """Fetch the metadata of a run; return the runs that its clones come from."""
    store, packed = storage_at(place), flow_datastore_at(place, flow)

    def keys_in(names: list[str]) -> list[str]:
        with store.load_bytes(names) as found:
            return [json.loads(Path(file).read_text(encoding="utf-8")) for _, file, _ in found if file]

    names = _names(store, str(store.path_join(flow, run_id)))
    keys = sorted({key for some in _by_tens(keys_in, names) for key in some})
    loaded = _by_tens(lambda ten: list(packed.load_data(ten)), keys)
    return {run for some in loaded for _, tarball in some for run in _unpack(bytes(tarball))}


def _by_tens(load: Callable[[list[str]], Json], names: list[str]) -> Iterator[Json]:
    """Load from the datastore in threads, and never more than ten at once.

    For more, Metaflow's S3 starts Python processes, each of which costs more than reading such small files
    (metaflow/plugins/datastores/s3_storage.py).
    """
    from concurrent.futures import ThreadPoolExecutor  # each task imports this module, and few fetch

    with ThreadPoolExecutor(8) as threads:
        yield from threads.map(load, (names[first : first + 10] for first in range(0, len(names), 10)))


def _names(store: Json, run: str) -> list[str]:
    """Return the files that name what the attempts of a run have left."""
    files = _under_s3(store, run) if store.TYPE == "s3" else _under(store, run)
    return sorted(path for path in files if path.endswith(f".{KEPT}"))


def _under(store: Json, run: str) -> list[str]:
    """Return the files of the tasks of a run."""
    steps = [found.path for found in store.list_content([run]) if not found.is_file]
    tasks = [found.path for found in store.list_content(steps) if not found.is_file] if steps else []
    return [found.path for found in store.list_content(tasks) if found.is_file] if tasks else []


def _under_s3(store: Json, run: str) -> list[str]:
    """Return the same from S3, where Metaflow starts processes for each listing and goes folder by folder."""
    from metaflow.plugins.datatools.s3.s3util import get_s3_client

    bucket, _, root = store.datastore_root.removeprefix("s3://").rstrip("/").partition("/")
    before = f"{root}/" if root else ""
    pages = (
        get_s3_client()[0].get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{before}{run}/")
    )
    return [found["Key"].removeprefix(before) for page in pages for found in page.get("Contents", ())]


def _unpack(tarball: bytes) -> list[str]:
    """Put what an attempt has left beside what is here, the newer of two files; return its origins.

    Metaflow's client looks there for what it tells of a clone (Task.metadata in metaflow/client/core.py).
    """
    from metaflow.metadata_provider.util import copy_tree
    from metaflow.metaflow_config import DATASTORE_LOCAL_DIR
    from metaflow.plugins.datastores.local_storage import LocalStorage
    from metaflow.util import tar_safe_extract

    here = LocalStorage.get_datastore_root_from_config(lambda *_, **__: None)
    with TemporaryDirectory() as directory:
        with tarfile.open(fileobj=BytesIO(tarball), mode="r:gz") as tar:
            tar_safe_extract(tar, directory)
        copy_tree(os.path.join(directory, DATASTORE_LOCAL_DIR), here, update=True)  # noqa: PTH118 (Metaflow's)
        files = Path(directory).rglob("sysmeta_origin-run-id_*.json")
        origins = (json.loads(file.read_text(encoding="utf-8"))["value"] for file in files)
        return [run for run in origins if run and run != "None"]
