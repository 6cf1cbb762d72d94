"""Which installed package an imported module belongs to, at which version, and where that came from."""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from metaflow_windmill.package.lock import installed_here

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import Distribution

    from metaflow_windmill.types import Json

_OTHER_NAMES = {"distutils": "setuptools", "_distutils_hack": "setuptools"}


@dataclass(frozen=True)
class Known:
    """An installed package.

    Parameters
    ----------
    name : str
        As PEP 503 normalizes it.
    version : str
        Without a local part such as ``+cu121``, which no index has.
    url : str
        The address that it was installed from, instead of an index; empty for an index.
    """

    name: str
    version: str
    url: str = ""

    @property
    def requirement(self) -> str:
        """As a line of requirements, one word."""
        return f"{self.name}@{self.url}" if self.url else f"{self.name}=={self.version}"


@dataclass(frozen=True)
class Local:
    """What lies in a folder that no worker has; `name` is that of the package, or else of the module."""

    name: str
    place: str


class InstalledPackages:
    """The packages of an environment, as their files of metadata tell.

    Parameters
    ----------
    by_name : mapping of str to Distribution, optional
        By their normal names; those of this interpreter if not given.
    """

    def __init__(self, by_name: Mapping[str, Distribution] | None = None) -> None:
        self.by_name = installed_here() if by_name is None else by_name

    def of(self, module: str) -> tuple[Known | Local, ...] | None:
        """Return what has a module: nothing for a bare namespace, None where it is not installed.

        Several packages may share a first name (``google.cloud.storage``, ``google.auth``): the one
        counts that has a file of the longest part of the module's name.
        """
        top = _OTHER_NAMES.get(module.partition(".")[0], module.partition(".")[0])
        owners = self._owners(module if top == module.partition(".")[0] else top)
        if owners:
            return tuple(self.told(name) for name in owners)
        if self._share(top):
            return ()
        return self._elsewhere(top)

    @cached_property
    def _files(self) -> dict[str, str]:
        """What each package says of its files, each at the begin of a line."""
        return {name: f"\n{_files_of(package)}" for name, package in self.by_name.items()}

    def _owners(self, module: str) -> list[str]:
        parts = module.split(".")
        for depth in range(len(parts), 0, -1):
            path = re.escape("/".join(parts[:depth]))
            file = re.compile(rf"\n{path}(/__init__)?\.(py|[\w.-]*so|[\w.-]*pyd)[,\n]")
            owners = [name for name, files in self._files.items() if file.search(files)]
            if owners:
                return sorted(owners)
        return self._declared(parts[0])

    def _declared(self, top: str) -> list[str]:
        """Return the packages that have no list of files, or an editable one, and name what they bring."""
        said = {
            name: (package.read_text("top_level.txt") or "").split() for name, package in self.by_name.items()
        }
        return sorted(name for name, tops in said.items() if top in tops and not self._has(name, top))

    def _has(self, name: str, top: str) -> bool:
        return f"\n{top}/" in self._files[name]

    def _share(self, top: str) -> bool:
        return any(f"\n{top}/" in files for files in self._files.values())

    def told(self, name: str) -> Known | Local:
        """Return what an installed package is to a worker."""
        package = self.by_name[name]
        origin = _origin(package)
        address = str(origin.get("url", ""))
        version = package.version.partition("+")[0]
        if "vcs_info" in origin:
            about = origin["vcs_info"]
            return Known(name, version, f"{about['vcs']}+{address}@{about['commit_id']}")
        if address.startswith(("https://", "http://")):
            return Known(name, version, address)
        if address:
            return Local(name, address.removeprefix("file://"))
        if _is_egg_link(package):
            return Local(name, str(package.locate_file("")))
        return Known(name, version)

    def _elsewhere(self, top: str) -> tuple[Local] | None:
        """Return where a module is that no list of files has: in an editable package, or on the path."""
        place = _place_of(top)
        if place is None:
            return None
        for name, package in self.by_name.items():
            address = str(_origin(package).get("url", "")).removeprefix("file://")
            if address and Path(place).is_relative_to(address):
                return (Local(name, address),)
        return (Local(top, place),)


def _files_of(package: Distribution) -> str:
    return package.read_text("RECORD") or ""


def _origin(package: Distribution) -> dict[str, Json]:
    """Return what PEP 610 keeps of an installation that came from no index."""
    text = package.read_text("direct_url.json")
    try:
        return cast("dict[str, Json]", json.loads(text)) if text else {}
    except ValueError:
        return {}


def _is_egg_link(package: Distribution) -> bool:
    """Tell whether a package is developed where it lies, with its metadata beside its code."""
    place = Path(str(package.locate_file("")))
    return not _files_of(package) and place.name not in {"site-packages", "dist-packages"}


def _place_of(top: str) -> str | None:
    """Return where a module lies; nothing of it is run."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or ())
    return spec.origin if spec.origin and spec.has_location else next(iter(folders), None)
