"""What ``@package_sources`` takes in: from git only what the commit holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from metaflow_windmill.internals.deploying import PackageSource

MOST_NAMED = 5


def check_sources(sources: Iterable[PackageSource], root: Path) -> None:
    """Refuse sources that are not in a repository, before anything of them is read.

    Parameters
    ----------
    sources : iterable of PackageSource
    root : Path
        Of the checkout.

    Raises
    ------
    PackageError
        Naming the source.
    """
    base = root.resolve()
    for source in sources:
        place = source.path.resolve()
        if not place.is_relative_to(base):
            raise _outside(source.written, "is")
        if place == base and source.name is None:
            raise PackageError(
                f"@package_sources takes {source.written!r}, the whole repository, under the name of its "
                "folder, which is another one in each clone. Name it by arcname=..., or take single folders."
            )


def check_files(files: Iterable[Path], root: Path) -> None:
    """Refuse files in a source that are links to something outside of the repository.

    Raises
    ------
    PackageError
        Naming the first.
    """
    base = root.resolve()
    for file in files:
        if not file.resolve().is_relative_to(base):
            raise _outside(str(file), "leads")


def _outside(what: str, leads: str) -> PackageError:
    return PackageError(
        f"@package_sources takes {what!r}, which {leads} outside of the repository, and from git only what "
        "the commit holds is deployed. Put it into the repository, or publish it as a package and name that "
        "in a requirements.txt."
    )


def remarks(
    sources: Iterable[PackageSource], files: Mapping[str, Path], packaged: Mapping[str, Path]
) -> tuple[str, ...]:
    """Return a sentence on each source that comes to nothing, and on files that come to others.

    Parameters
    ----------
    sources : iterable of PackageSource
    files, packaged : mapping of str to Path
        The files of the sources, and all that the code package holds, by their names there.
    """
    taken = {name: path.resolve() for name, path in files.items()}
    empty = tuple(
        f"@package_sources finds no file to take in at {source.written!r}: without suffixes=[...] only those "
        "that end in .py, .R or .RDS are."
        for source in sources
        if not any(path.is_relative_to(source.path.resolve()) for path in taken.values())
    )
    names = sorted(name for name, path in taken.items() if packaged.get(name, path).resolve() != path)
    if not names:
        return empty
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    instead = (
        f"@package_sources takes in {', '.join(names[:MOST_NAMED])}{more}, and the folder of the flow has "
        "files of the same names, which tasks get instead. Give the source another name by arcname=..."
    )
    return (*empty, instead)
