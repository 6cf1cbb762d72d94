"""The lock of a step: the pinned packages that a worker installs besides the code package.

Metaflow itself and the flow's own code are in the code package; what they import from elsewhere
is not. So the lock holds `requests` and the client library of the datastore, each with all that
it requires, at the versions of the environment that deploys.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib.metadata import Distribution, distributions
from typing import TYPE_CHECKING, Protocol

from metaflow_windmill.errors import PackageError
from metaflow_windmill.package.markers import applies

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CLIENTS = {
    "local": (),
    "s3": ("boto3",),
    "azure": ("azure-identity", "azure-storage-blob", "azure-keyvault-secrets"),
    "gs": ("google-cloud-storage", "google-auth", "google-cloud-secret-manager"),
}
ALWAYS = ("requests",)
NAME = re.compile(r"^Name:\s*(\S+)", re.MULTILINE | re.IGNORECASE)


class Installed(Protocol):
    """What is known of an installed package."""

    @property
    def version(self) -> str:
        """Its version."""

    @property
    def requires(self) -> list[str] | None:
        """What it requires, each as PEP 508 has it."""


def lock_for(datastore: str, python: tuple[int, int] | None = None) -> str:
    """Return the lock for the steps of a flow, from what is installed here.

    Parameters
    ----------
    datastore : str
        Metaflow's name for the kind of datastore.
    python : tuple of int, optional
        Major and minor version; those of this interpreter if not given.

    Raises
    ------
    PackageError
        If a package that the worker needs is not installed here.
    """
    major, minor = python or sys.version_info[:2]
    pins = closure(roots_for(datastore), installed_here())
    return "\n".join([f"# py: {major}.{minor}", *pins])


def roots_for(datastore: str) -> tuple[str, ...]:
    """Return the packages that a task imports besides the code package, whatever the flow is."""
    return (*ALWAYS, *CLIENTS.get(datastore, ()))


@cache
def installed_here() -> Mapping[str, Distribution]:
    """Return the packages of this interpreter by their normal names, which are read once."""
    return installed(distributions())


def installed(found: Iterable[Distribution]) -> dict[str, Distribution]:
    """Return packages by their normal names; the first one found is the one that is imported."""
    packages: dict[str, Distribution] = {}
    for package in found:
        packages.setdefault(normal(_name(package)), package)
    return packages


def _name(package: Distribution) -> str:
    """Return a package's name by a look at its head: to parse all of it takes ten times as long."""
    found = NAME.search(package.read_text("METADATA") or "")
    return found[1] if found else package.metadata["Name"]


def closure(roots: Iterable[str], packages: Mapping[str, Installed]) -> list[str]:
    """Return pins for packages and all that they require, sorted.

    A local part of a version, such as ``+cpu``, is left out: no index has it.

    Raises
    ------
    PackageError
        If one of them is not installed.
    """
    names = required(roots, packages)
    return [f"{name}=={packages[name].version.partition('+')[0]}" for name in names]


def required(roots: Iterable[str], packages: Mapping[str, Installed]) -> list[str]:
    """Return the names of packages and of all that they require on a worker, sorted.

    Extras are followed where a requirement names them.

    Raises
    ------
    PackageError
        If one of them is not installed.
    """
    from metaflow._vendor.packaging.requirements import Requirement

    python = ".".join(map(str, sys.version_info[:3]))
    seen: set[tuple[str, str]] = set()
    open_ones = [(normal(root), "") for root in roots]
    while open_ones:
        name, extra = open_ones.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for text in _get(packages, name).requires or []:
            wanted = Requirement(text)
            if wanted.marker is None or applies(str(wanted.marker), python, extra):
                open_ones += [(normal(wanted.name), choice) for choice in ("", *wanted.extras)]
    return sorted({name for name, _ in seen})


def normal(name: str) -> str:
    """Return a package's name as PEP 503 normalizes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _get(packages: Mapping[str, Installed], name: str) -> Installed:
    if name not in packages:
        raise PackageError(
            f"The package {name} is not installed here, and the flow's tasks need it to reach the datastore. "
            f"Install it (pip install {name}) and deploy again."
        )
    return packages[name]
