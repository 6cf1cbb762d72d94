"""Reads the packages of a project from its ``uv.lock``, each pinned as uv pinned it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from metaflow_windmill.types import Json

_FOLDERS = frozenset({"virtual", "editable", "directory"})


def locked(data: Mapping[str, Json], file: str, applies: Callable[[str], bool]) -> list[str]:
    """Return what the project of a lock file requires, with all that this requires in turn.

    Parameters
    ----------
    data : mapping
        The content of the file.
    file : str
        For the text of an error.
    applies : callable
        Tells whether a marker holds on the workers.

    Raises
    ------
    PackageError
        If the file is not as uv writes it, or needs a package that lies in a folder.
    """
    try:
        packages = data["package"]
        found = _closure(packages, _project(packages, file), file, applies)
        return [_line(package, file) for package in found if "virtual" not in package["source"]]
    except (KeyError, TypeError, AttributeError) as why:
        raise PackageError(f"{file} is not a lock file of uv that this version can read ({why!r}).") from None


def _project(packages: Sequence[Json], file: str) -> Json:
    """Return the project itself: what lies in the folder of the lock file."""
    for package in packages:
        if "." in package["source"].values() and _FOLDERS & set(package["source"]):
            return package
    raise PackageError(f"{file} locks no project of its own folder; name a requirements file instead.")


def _closure(
    packages: Sequence[Json], project: Json, file: str, applies: Callable[[str], bool]
) -> Iterator[Json]:
    """Go through all packages that the project needs, each once."""
    pending = list(project.get("dependencies", []))
    seen: set[tuple[str, str | None, str]] = set()
    while pending:
        need = pending.pop()
        if "marker" in need and not applies(need["marker"]):
            continue
        package = _find(packages, need, file)
        for extra in ("", *need.get("extra", ())):
            key = (package["name"], package.get("version"), extra)
            if key in seen:
                continue
            if not any(known[:2] == key[:2] for known in seen):
                yield package
            seen.add(key)
            optional = package.get("optional-dependencies", {})
            pending += optional.get(extra, []) if extra else package.get("dependencies", [])


def _find(packages: Sequence[Json], need: Json, file: str) -> Json:
    """Return the package that is meant; of several versions, the one that the need names."""
    found = [package for package in packages if package["name"] == need["name"]]
    if not found:
        raise PackageError(f"{file} does not lock {need['name']}; run `uv lock` again.")
    exact = (package for package in found if package.get("version") == need.get("version"))
    return next(exact, found[0])


def _line(package: Json, file: str) -> str:
    source, name = package["source"], package["name"]
    if "registry" in source:
        return f"{name}=={package['version']}"
    if "git" in source:
        address, _, commit = source["git"].partition("#")
        return f"{name} @ git+{address.partition('?')[0]}@{commit}"
    if "url" in source:
        return f"{name} @ {source['url']}"
    raise PackageError(
        f"{file} needs {name} from a folder of this machine, which no worker has. Publish it, or put its "
        "code beside the flow and leave it out of the requirements."
    )
