"""The packages that the steps of a flow import, found where nobody wrote them down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from metaflow_windmill.errors import PackageError
from metaflow_windmill.package.installed import Known, Local
from metaflow_windmill.package.lock import lock_for, required, roots_for
from metaflow_windmill.package.sources import Sources, foreign_imports

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from metaflow_windmill.package.imports import Import
    from metaflow_windmill.package.installed import InstalledPackages

MOST_NAMED = 8
OFF = "--requirements none turns that off"


@dataclass(frozen=True)
class FoundPackages:
    """What the imports of a flow came to.

    Parameters
    ----------
    packages : tuple of Known
        Each once, by name.
    missing, local : tuple of (Import, Local or None)
        The first import of what is installed nowhere, and of what lies in a folder of this machine.
    narrow : bool
        Whether only what the flow itself imports was looked at, since the folder has so many files.
    """

    packages: tuple[Known, ...] = ()
    missing: tuple[Import, ...] = ()
    local: tuple[tuple[Import, Local], ...] = ()
    narrow: bool = False

    @property
    def lines(self) -> tuple[str, ...]:
        """As requirements."""
        return tuple(package.requirement for package in self.packages)


def find_packages(texts: Mapping[str, str], flow_file: str, packages: InstalledPackages) -> FoundPackages:
    """Return the packages that the files of a flow's folder import, at the versions that are installed.

    Parameters
    ----------
    texts : mapping of str to str
        The Python files that the tasks will have, by their names from the folder of the flow on.
    flow_file : str
    packages : InstalledPackages
    """
    sources = Sources(texts)
    imports = foreign_imports(sources, flow_file)
    nested = {part.partition(".")[0] for name in texts for part in PurePosixPath(name).parts}
    known: dict[str, Known] = {}
    missing: dict[str, Import] = {}
    local: dict[str, tuple[Import, Local]] = {}
    for module, item in _firsts(imports).items():
        owners = packages.of(module)
        if owners is None:
            if not item.optional and item.top not in nested:
                missing.setdefault(item.top, item)
            continue
        for owner in owners:
            if isinstance(owner, Known):
                known[owner.name] = owner
            elif owner.name not in nested:
                local.setdefault(owner.name, (item, owner))
    return FoundPackages(
        tuple(known[name] for name in sorted(known)),
        tuple(missing.values()),
        tuple(local.values()),
        sources.are_many,
    )


def told(packages: Iterable[Known]) -> str:
    """Return the sentence that says what Windmill installs."""
    named = [f"{package.name} {package.version}" for package in packages]
    if len(named) > MOST_NAMED:
        named = [*named[:MOST_NAMED], f"{len(named) - MOST_NAMED} more"]
    together = " and ".join(part for part in (", ".join(named[:-1]), named[-1]) if part)
    return f"Windmill installs {together} for the steps; {OFF}."


def remarks(found: FoundPackages) -> tuple[str, ...]:
    """Return a sentence for each import that no worker can be given."""
    absent = (
        f"{item.file}, line {item.line}, imports {item.top}, which is not installed here, so that no version "
        "of it is known for the workers: a step that imports it fails there. Install its package here, or "
        "name it by --requirements."
        for item in found.missing
    )
    unpinned = (
        f"{item.file}, line {item.line}, imports {item.top} from {local.place}, a folder of this machine "
        "that no worker has and no version pins: a step that imports it fails there. Put its code beside the "
        "flow, take it in by @package_sources, or publish it and name it by --requirements."
        for item, local in found.local
    )
    narrow = (
        "The folder of the flow has so many Python files that only those were looked at which the flow "
        "imports. Keep environments and other people's code out of it: every worker fetches all of it."
    )
    return (*absent, *unpinned, *([narrow] if found.narrow else []))


def _firsts(imports: Iterable[Import]) -> dict[str, Import]:
    """Return the first import of each module, rather one that the file cannot do without."""
    firsts: dict[str, Import] = {}
    for item in imports:
        if item.module not in firsts or (firsts[item.module].optional and not item.optional):
            firsts[item.module] = item
    return firsts


def lock_with(found: FoundPackages, datastore: str, packages: InstalledPackages) -> str | None:
    """Return the lock of the steps with what was found; None where Windmill has to resolve it.

    That is where a package came from an address instead of an index, or requires on a worker what is
    not installed here, as on a laptop of another system.

    Raises
    ------
    PackageError
        If a package that reaches the datastore is not installed.
    """
    own = lock_for(datastore)
    if not found.packages:
        return own
    roots = (*roots_for(datastore), *(package.name for package in found.packages))
    try:
        names = required(roots, packages.by_name)
    except PackageError:
        return None
    told_of = [packages.told(name) for name in names]
    plain = [item.requirement for item in told_of if isinstance(item, Known) and not item.url]
    header = own.partition("\n")[0]
    return "\n".join([header, *plain]) if len(plain) == len(told_of) else None
