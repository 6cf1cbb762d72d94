"""One task of a Metaflow flow: Windmill runs this file for every task of every step.

All that a task does is in the code package that was saved when the flow was deployed. This file
finds the package in the worker's cache, or fetches and unpacks it there, and hands over to it.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import shutil
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

UNUSED_AFTER = 30 * 24 * 3600  # seconds
GROUP_OR_OTHERS_WRITE = 0o022
GOOGLE_KEY = "GOOGLE_APPLICATION_CREDENTIALS"


class PackageError(Exception):
    """The code package cannot be fetched, or is not what was deployed."""


class SecretError(Exception):
    """A secret of the flow is not where it was said to be."""


def main(  # noqa: PLR0917 (Windmill gives all of them by name)
    task: dict[str, Any],
    deployment: dict[str, Any],
    run: str | None = None,
    origin: dict[str, Any] | None = None,
    parameters: dict[str, Any] | None = None,
    splits: int | None = None,
    secrets: dict[str, Any] | None = None,
    trigger: list[dict[str, Any]] | None = None,
    error: dict[str, Any] | None = None,
    deadline: float | None = None,
    **levels: dict[str, Any],
) -> dict[str, Any]:
    """Run one task and return what Windmill keeps of it."""
    os.environ.update(deployment.get("variables") or {})
    set_secrets(secrets or {})
    root = find_package(deployment["package"], deployment["datastore"]["type"])
    sys.path.insert(0, str(root / ".mf_code"))
    from metaflow_windmill.runtime.task import run_task

    before = {"origin": origin, "trigger": trigger, "parameters": parameters, "error": error}
    now = {"run": run, "splits": splits, "deadline": deadline, "levels": levels}
    return run_task(root, task, deployment, **now, **before)


def set_secrets(secrets: dict[str, Any]) -> None:
    """Set the environment variables whose values Windmill has filled in, and say which ones they are."""
    for name, value in secrets.items():
        text = field_of(name, **value) if isinstance(value, dict) else str(value)
        os.environ[name] = file_of(text) if name == GOOGLE_KEY and text.lstrip()[:1] == "{" else text
    os.environ["METAFLOW_WINDMILL_SECRETS"] = ",".join(secrets)


def file_of(text: str) -> str:
    """Return a file that only the job's user can read: Google's library takes a key from a file alone."""
    descriptor, path = tempfile.mkstemp(prefix="google-", suffix=".json", dir=Path.cwd())
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def field_of(name: str, resource: dict[str, Any] | None, field: str) -> str:
    """Return a field of a resource."""
    if not resource or resource.get(field) is None:
        raise SecretError(f"The resource that {name} comes from has no field {field!r}; correct --secret.")
    return str(resource[field])


def find_package(package: dict[str, str], datastore: str) -> Path:
    """Return the directory of the unpacked code package, shared by all tasks on this worker."""
    cache = cache_directory()
    root = cache / package["sha"]
    if not root.is_dir():
        remove_unused(cache)
        unpack(package, datastore, root)
    with contextlib.suppress(OSError):
        os.utime(root)  # tells remove_unused that it is in use
    return root


def cache_directory() -> Path:
    """Return a directory that nobody else can write to: what is in it will be run."""
    given = os.environ.get("METAFLOW_WINDMILL_CACHE")
    cache = Path(given or f"{tempfile.gettempdir()}/metaflow-windmill-{os.getuid()}")
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = cache.stat()
        if status.st_uid == os.getuid() and not status.st_mode & GROUP_OR_OTHERS_WRITE:
            return cache
        problem = "others can write to it"
    except OSError as why:
        problem = str(why)
    print(f"Warning: the package cache {cache} is not used ({problem}); set METAFLOW_WINDMILL_CACHE")
    return Path(tempfile.mkdtemp(prefix="metaflow-windmill-", dir=Path.cwd()))


def unpack(package: dict[str, str], datastore: str, root: Path) -> None:
    """Fetch, check, unpack and compile beside the final place, then rename: a half-done try is never seen."""
    beside = Path(tempfile.mkdtemp(prefix=f".{root.name}.", dir=root.parent))
    try:
        with tempfile.TemporaryFile(dir=beside) as blob:
            fetch(package["url"], datastore, blob)
            check(blob, package)
            with tarfile.open(fileobj=blob, mode="r:*") as archive:
                archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
                archive.extractall(beside)  # noqa: S202 (its sha was checked)
        compile_all(beside / ".mf_code", root / ".mf_code", bytecode(root.parent))
        beside.rename(root)
    except OSError as why:
        if not root.is_dir():  # otherwise another worker was faster
            raise PackageError(
                f"The code package cannot be unpacked into {root.parent} ({why}). "
                "Make room there, or set METAFLOW_WINDMILL_CACHE to another directory on the worker."
            ) from why
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def bytecode(cache: Path) -> Path:
    """Return where the byte code of all packages in the cache is kept, for this version of Python."""
    return cache / f"bytecode-{sys.implementation.cache_tag}"


def compile_all(code: Path, final: Path, kept: Path) -> None:
    """Give every module its byte code, which it shares with the same module of other packages.

    To compile a package takes a second, and from one deployment to the next little of it changes.
    """
    import py_compile  # all other modules come with Metaflow anyway; this one would cost each task its time
    from importlib.util import cache_from_source

    kept.mkdir(exist_ok=True)
    for source in code.rglob("*.py"):
        known = kept / hashlib.sha1(source.read_bytes(), usedforsecurity=False).hexdigest()
        compiled = Path(cache_from_source(str(source)))
        compiled.parent.mkdir(exist_ok=True)
        try:
            os.link(known, compiled)
        except OSError:
            unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH  # nothing of a package ever changes
            name = str(final / source.relative_to(code))
            py_compile.compile(str(source), str(compiled), name, invalidation_mode=unchecked, quiet=2)
            with contextlib.suppress(OSError):  # it does not compile, or another worker was faster
                os.link(compiled, known)


def check(blob: BinaryIO, package: dict[str, str]) -> None:
    """Compare what was fetched with the sha1 that names it in the datastore."""
    blob.seek(0)
    sha = hashlib.sha1(usedforsecurity=False)
    while chunk := blob.read(1 << 20):
        sha.update(chunk)
    if sha.hexdigest() != package["sha"]:
        raise PackageError(
            f"What is at {package['url']} is not the code package that was deployed. Deploy the flow again."
        )
    blob.seek(0)


def fetch(url: str, datastore: str, blob: BinaryIO) -> None:
    """Copy the package from the datastore."""
    try:
        {"s3": from_s3, "gs": from_gs, "azure": from_azure}.get(datastore, from_file)(url, blob)
    except Exception as why:
        raise PackageError(
            f"The code package cannot be read from {url} ({type(why).__name__}: {why}). "
            "Every worker must see the datastore that the flow was deployed with: "
            "mount its directory, or give the worker the credentials, at the same address."
        ) from why


def from_file(url: str, blob: BinaryIO) -> None:
    """Copy from a directory that this worker shares."""
    with Path(url).open("rb") as source:
        shutil.copyfileobj(source, blob)


def from_s3(url: str, blob: BinaryIO) -> None:
    """Copy from S3 or what speaks its protocol."""
    endpoint = os.environ.get("METAFLOW_S3_ENDPOINT_URL") or None
    client = importlib.import_module("boto3").client("s3", endpoint_url=endpoint)
    client.download_fileobj(urlsplit(url).netloc, urlsplit(url).path.lstrip("/"), blob)


def from_gs(url: str, blob: BinaryIO) -> None:
    """Copy from Google Cloud Storage, with the credentials that Metaflow takes."""
    kind = importlib.import_module("google.cloud.storage").Client
    credentials, project = importlib.import_module("google.auth").default(scopes=kind.SCOPE)
    client = kind(project=project, credentials=credentials)
    client.bucket(urlsplit(url).netloc).blob(urlsplit(url).path.lstrip("/")).download_to_file(blob)


def from_azure(url: str, blob: BinaryIO) -> None:
    """Copy from Azure Blob Storage, whose addresses are ``container/name``."""
    container, name = url.split("/", 1)
    credential = importlib.import_module("azure.identity").DefaultAzureCredential()
    credential.get_token("https://storage.azure.com/.default")  # the client would try again for a minute
    endpoint = os.environ["METAFLOW_AZURE_STORAGE_BLOB_SERVICE_ENDPOINT"]
    client = importlib.import_module("azure.storage.blob").BlobServiceClient(endpoint, credential=credential)
    client.get_blob_client(container, name).download_blob().readinto(blob)


def remove_unused(cache: Path) -> None:
    """Remove packages, and leftovers of tries that were killed, that nothing has used for long."""
    for entry in cache.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another worker has just renamed or removed it
            if time.time() - entry.lstat().st_mtime > UNUSED_AFTER:
                shutil.rmtree(entry, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        for known in bytecode(cache).iterdir():
            if known.lstat().st_nlink == 1:  # the packages that had this module are gone
                known.unlink(missing_ok=True)
