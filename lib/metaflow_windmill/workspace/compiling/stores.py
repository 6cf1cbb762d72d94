"""Carries what a compiling process saved to the datastore that the deployed flow reads.

Only this process has the datastore's credentials. It takes over the code package, whose bytes
must be those of its sha, and the files of `IncludeFile` defaults; nothing else.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from metaflow_windmill.contract.record import StoreInfo
from metaflow_windmill.deployment.described.service_version import plain_address
from metaflow_windmill.errors import DeployError, InvalidDocument, PackageError
from metaflow_windmill.internals.storages import storage_kinds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from metaflow_windmill.contract.record import PackageInfo, Record
    from metaflow_windmill.internals.shapes import Storage
    from metaflow_windmill.types import Json
    from metaflow_windmill.workspace.compiling.configuration import Configuration

MAX_PACKAGE = 2 * 1024**3
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_SHA = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Stores:
    """Where a deployed flow keeps its data.

    Parameters
    ----------
    datastore, metadata : StoreInfo
    files : str
        Where the files of `IncludeFile` go.
    """

    datastore: StoreInfo
    metadata: StoreInfo
    files: str


def stores_for(configuration: Configuration) -> Stores:
    """Return the datastore and the metadata provider that the configuration or the job's environment names.

    Raises
    ------
    DeployError
        If there is none that all workers could see.
    """
    from metaflow import metaflow_config

    kind = configuration.datastore or str(metaflow_config.DEFAULT_DATASTORE)
    if kind not in storage_kinds():
        raise DeployError(
            f"There is no datastore {kind!r}. Set 'datastore' to one of Metaflow's, such as s3."
        )
    root = configuration.datastore_root or _configured_root(kind)
    if not root:
        raise DeployError(
            f"The deployed flows have no place for their data. Set 'datastore_root' for the datastore "
            f"{kind}, or METAFLOW_DATASTORE_SYSROOT_{kind.upper()} in the workspace's environment variables."
        )
    if kind != "azure" and not (root.startswith("/") or "://" in root):
        raise DeployError(
            f"The datastore {kind} has no root {root!r}: give an absolute path, or an address such as "
            "s3://bucket/prefix, as 'datastore_root'."
        )
    if kind == "local" and not root.endswith(f"/{metaflow_config.DATASTORE_LOCAL_DIR}"):
        root = f"{root.rstrip('/')}/{metaflow_config.DATASTORE_LOCAL_DIR}"  # as Metaflow itself does
    suffix = str(metaflow_config.DATATOOLS_SUFFIX)
    same = not configuration.datastore_root
    files = getattr(metaflow_config, f"DATATOOLS_{kind.upper()}ROOT", None) if same else None
    return Stores(StoreInfo(kind, root), _metadata(configuration, kind, root), files or f"{root}/{suffix}")


def _configured_root(kind: str) -> str:
    """Return the root that the job's Metaflow is configured with; a folder of the job itself is none."""
    from metaflow import metaflow_config

    if kind == "local" and not metaflow_config.DATASTORE_SYSROOT_LOCAL:
        return ""
    return str(storage_kinds()[kind].get_datastore_root_from_config(_silent, create_on_absent=False) or "")


def _silent(*_: object, **__: object) -> None:
    pass


def _metadata(configuration: Configuration, kind: str, root: str) -> StoreInfo:
    from metaflow import metaflow_config

    chosen = configuration.metadata or str(metaflow_config.DEFAULT_METADATA)
    if chosen == "service":
        url = metaflow_config.SERVICE_INTERNAL_URL or metaflow_config.SERVICE_URL
        return StoreInfo(chosen, plain_address(configuration.metadata_url or str(url or "")))
    return StoreInfo(
        chosen, root.rpartition("/")[0] if kind == chosen == "local" else configuration.metadata_url
    )


def read_package(saved: Path, record: Record) -> bytes:
    """Return the code package that a compiling process saved.

    Raises
    ------
    PackageError
        If it is not there, or not what its sha says.
    """
    package = record.package
    place = saved / record.flow / "data" / package.sha[:2] / package.sha
    if not _SHA.fullmatch(package.sha) or not _PART.fullmatch(record.flow) or package.url != str(place):
        raise PackageError(
            "The compiling process names a code package that is not its own. Nothing was deployed."
        )
    content = _read(place)
    if hashlib.sha1(content, usedforsecurity=False).hexdigest() != package.sha:
        raise PackageError("The code package is not what its sha says. Nothing was deployed.")
    return content


def carry_over(saved: Path, record: Record, stores: Stores, content: bytes) -> PackageInfo:
    """Save the package and the included files in the real datastore; return where the package is.

    Raises
    ------
    PackageError
        If the datastore cannot be written.
    """
    store = storage_kinds()[stores.datastore.type](stores.datastore.root)
    path = store.path_join(record.flow, "data", record.package.sha[:2], record.package.sha)
    as_metaflow_saves = {"cas_raw": True, "cas_version": 1}
    try:
        store.save_bytes([(path, (io.BytesIO(content), as_metaflow_saves))], overwrite=False, len_hint=1)
        files, before = _files(stores)
        files.save_bytes(
            ((f"{before}{name}", io.BytesIO(data)) for name, data in _included(saved / "files")),
            overwrite=False,
            len_hint=0,
        )
    except Exception as why:
        raise PackageError(
            f"The code package cannot be saved in {stores.datastore.root} ({type(why).__name__}: {why}). "
            "Check that this worker can write to that datastore."
        ) from why
    return replace(record.package, url=str(store.full_uri(path)))


def _included(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of `IncludeFile` defaults: ``<flow>/<sha>``."""
    for flow in sorted(folder.iterdir()):
        if _PART.fullmatch(flow.name) and flow.is_dir() and not flow.is_symlink():
            for file in sorted(flow.iterdir()):
                if _SHA.fullmatch(file.name):
                    yield f"{flow.name}/{file.name}", _read(file)


def _files(stores: Stores) -> tuple[Storage, str]:
    """Return the storage of included files, and what their names begin with in it.

    Metaflow's client for Azure takes the whole address, container and all, for a name in the container.
    """
    if stores.datastore.type == "azure":
        return storage_kinds()["azure"](stores.files.partition("/")[0]), f"{stores.files}/"
    return storage_kinds()[stores.datastore.type](stores.files), ""


def _read(path: Path) -> bytes:
    """Read a regular file, whatever the process that wrote it put in its place."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        raise PackageError(
            f"The compiling process did not save {path.name}. Compile the flow again."
        ) from None
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode) or about.st_size > MAX_PACKAGE:
        os.close(descriptor)
        raise PackageError(f"What the compiling process saved as {path.name} is no file, or too large a one.")
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def relocated(value: Json, saved: Path, stores: Stores) -> Json:
    """Return a document whose addresses of included files are those of the real datastore.

    Raises
    ------
    InvalidDocument
        If it names another place of the compiling process.
    """
    address = stores.files if "://" in stores.files else f"{stores.datastore.type}://{stores.files}"
    text = json.dumps(value, ensure_ascii=False).replace(f"local://{saved}/files/", f"{address}/")
    if str(saved.parent) in text:
        raise InvalidDocument("the flow refers to a file that exists only while it is compiled")
    return json.loads(text)
