"""Whether a datastore can be written and read from here, and whether another machine sees the same one."""

from __future__ import annotations

import io
import os
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from metaflow_windmill.contract.record import StoreInfo
from metaflow_windmill.errors import DeployError
from metaflow_windmill.internals.storages import storage_kinds
from metaflow_windmill.workspace.doctor.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.internals.shapes import Storage, StorageKind


@dataclass(frozen=True)
class Probe:
    """A small object in a datastore: what it is called, and what it holds."""

    name: str
    text: str


def give_up_early() -> None:
    """Have Metaflow try an object store twice instead of for minutes; before Metaflow is imported."""
    os.environ.setdefault("METAFLOW_S3_RETRY_COUNT", "1")


def configured_here() -> StoreInfo:
    """Return where flows that are deployed from this directory keep their data.

    Raises
    ------
    DeployError
        If nothing says where.
    """
    from metaflow import metaflow_config

    kind = str(metaflow_config.DEFAULT_DATASTORE)
    root = _implementation(kind).get_datastore_root_from_config(_silent, create_on_absent=False)
    if not root and kind == "local":
        root = str(Path.cwd() / metaflow_config.DATASTORE_LOCAL_DIR)  # as Metaflow makes it
    if not root:
        raise DeployError(
            f"The datastore is {kind}, and nothing says where. Run `metaflow configure {kind}` or set "
            f"METAFLOW_DATASTORE_SYSROOT_{kind.upper()}."
        )
    return StoreInfo(kind, str(root))


def place_finding(store: StoreInfo, *, same_machine: bool) -> Finding:
    """Return where the datastore is, and whether workers can get there at all.

    Parameters
    ----------
    store : StoreInfo
    same_machine : bool
        Whether the workers are on this machine, as those of an embedded server are.
    """
    said = f"{store.type} at {store.root}"
    if store.type != "local":
        return Finding("datastore", "ok", said)
    advice = f"Every worker must see {store.root} under this very path."
    if same_machine:
        return Finding("datastore", "ok", said, advice)
    return Finding("datastore", "warn", said, f"{advice} Mount it there, or use an object store such as s3.")


def access_finding(store: StoreInfo) -> Finding:
    """Write a probe, read it back and remove it; return what came of it."""
    began = time.monotonic()
    try:
        with planted(store) as probe:
            back = read(store, probe.name)
        left = read(store, probe.name) is not None
    except DeployError as why:
        return Finding("datastore access", "bad", str(why), _advice(store))
    if back != probe.text:
        said = f"What was written to {store.root} did not come back as it was."
        return Finding("datastore access", "bad", said, "Look for a cache or a proxy before the datastore.")
    spent = f"in {1000 * (time.monotonic() - began):.0f} ms"
    if left:
        said = f"A probe was written and read back {spent}, but not removed. Metaflow never removes."
        return Finding("datastore access", "ok", said, f"Remove {store.root}/{probe.name} when you like.")
    return Finding("datastore access", "ok", f"A probe was written, read back and removed {spent}.")


def shared_finding(store: StoreInfo, probe: Probe) -> Finding:
    """Return whether a probe that another machine left in the datastore is seen from here."""
    try:
        same = read(store, probe.name) == probe.text
    except DeployError as why:
        return Finding("datastore shared", "bad", str(why), _advice(store))
    if same:
        return Finding("datastore shared", "ok", "What the machine that asks wrote there is seen here.")
    said = f"{store.root} here is not what it is on the machine that asks: what that wrote is not here."
    mount = "Mount the same directory under this path on every worker, or use an object store such as s3."
    other = "Give the worker the same endpoint and account of the object store."
    return Finding("datastore shared", "bad", said, mount if store.type == "local" else other)


@contextmanager
def planted(store: StoreInfo) -> Iterator[Probe]:
    """Leave a probe in the datastore for as long as the block runs.

    Raises
    ------
    DeployError
        If it cannot be written.
    """
    probe = Probe(f"doctor-{uuid.uuid4()}", uuid.uuid4().hex)
    missing = _missing_folders(store)
    try:
        content = io.BytesIO(probe.text.encode())
        with _explained(store, "written"):
            _storage(store).save_bytes([(probe.name, content)], overwrite=True, len_hint=1)
        try:
            yield probe
        finally:
            with suppress(DeployError), _explained(store, "cleaned up"):
                _remove(store, probe.name)
    finally:
        for folder in missing:
            with suppress(OSError):  # it was not made, or somebody else uses it by now
                folder.rmdir()


def read(store: StoreInfo, name: str) -> str | None:
    """Return what an object of the datastore holds, None if it is not there.

    Raises
    ------
    DeployError
        If the datastore cannot be read.
    """
    with _explained(store, "read"), _storage(store).load_bytes([name]) as found:
        (path,) = (path for _, path, _ in found)
        return Path(path).read_text(encoding="utf-8") if path else None


def is_there(store: StoreInfo, address: str) -> bool:
    """Tell whether a datastore holds what a deployment saved at an address.

    Raises
    ------
    DeployError
        If the datastore cannot be read.
    """
    if store.type == "local":
        return Path(address).is_file()
    inside, above = unquote(urlsplit(address).path), unquote(urlsplit(store.root).path)
    name = inside.removeprefix(above.rstrip("/")).lstrip("/")
    with _explained(store, "read"):
        return bool(_storage(store).is_file([name])[0])


def _remove(store: StoreInfo, name: str) -> None:
    """Remove a probe; Metaflow's datastores cannot delete, so for others than these two it stays."""
    if store.type == "local":
        (Path(store.root) / name).unlink(missing_ok=True)
    elif store.type == "s3":
        from metaflow.plugins.datatools.s3.s3util import get_s3_client

        client, _ = get_s3_client()
        where = urlsplit(f"{store.root.rstrip('/')}/{name}")
        client.delete_object(Bucket=where.netloc, Key=where.path.lstrip("/"))


def _missing_folders(store: StoreInfo) -> list[Path]:
    """Return the folders of a local datastore that are not there yet, the innermost first."""
    if store.type != "local":
        return []
    root = Path(store.root)
    return [folder for folder in (root, *root.parents) if not folder.exists()]


@contextmanager
def _explained(store: StoreInfo, what: str) -> Iterator[None]:
    """Turn whatever a datastore's implementation raises into a sentence."""
    try:
        yield
    except Exception as why:
        words = " ".join(str(why).split())[:500]
        raise DeployError(f"{store.root} cannot be {what} ({type(why).__name__}: {words}).") from why


def _advice(store: StoreInfo) -> str:
    if store.type == "local":
        return (
            f"Make {store.root} a directory that the user of this process may write, or choose another one."
        )
    return (
        f"Check that {store.root} exists, that this machine reaches it, and that its credentials may put, "
        "get and delete there."
    )


def _storage(store: StoreInfo) -> Storage:
    return _implementation(store.type)(store.root)


def _implementation(kind: str) -> StorageKind:
    found = storage_kinds().get(kind)
    if found is None:
        raise DeployError(f"There is no datastore {kind!r}. Set METAFLOW_DEFAULT_DATASTORE to s3, say.")
    return found


def _silent(*_: object, **__: object) -> None:
    pass
