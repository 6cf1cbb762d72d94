"""The code package is copied from the flow's datastore, and checked."""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from metaflow_windmill.package.body.failures import PackageError

GONE = {"FileNotFoundError", "NotFound", "ResourceNotFoundError"}
"""How local files, Google and Azure call what is not there."""


def check(blob: BinaryIO, package: dict[str, str]) -> None:
    """Compare what was fetched with the sha1 that names it in the datastore."""
    blob.seek(0)
    sha = hashlib.sha1(usedforsecurity=False)
    while chunk := blob.read(1 << 20):
        sha.update(chunk)
    if sha.hexdigest() != package["sha"]:
        raise PackageError(
            f"What is at {package['url']} is not the code package that was deployed. Deploy the flow again.",
            final=True,
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
            "mount its directory, or give the worker the credentials, at the same address.",
            final=is_gone(why),
        ) from why


def is_gone(why: Exception) -> bool:
    """Tell whether a store answered that it has no such thing, rather than that it cannot be asked."""
    response = getattr(why, "response", None)  # boto3's errors have a dictionary there
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return code in {"404", "NoSuchKey"} or type(why).__name__ in GONE


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
