"""What a flow of a repository takes into its code package from other folders, read without running it.

``@package_sources`` puts files of other folders beside the flow, in the package. Where the flow is
compiled they have to be importable as well, and what they import counts as the flow's own imports.
"""

from __future__ import annotations

import ast
import contextlib
import posixpath
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

DECORATOR = "package_sources"
Source = tuple[str, str]
"""A source's name in the code package, and its path in the repository: empty for all of it."""


def sources_in(tree: ast.Module, folder: str) -> tuple[Source, ...]:
    """Return the sources that the classes of a file name by texts.

    What is computed is not known before the flow runs, and what is no name in a package or leads out of
    the repository is refused when it does.

    Parameters
    ----------
    tree : ast.Module
    folder : str
        That of the file, in the repository.
    """
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
    calls = (mark for node in classes for mark in node.decorator_list if isinstance(mark, ast.Call))
    named = (call for call in calls if ast.unparse(call.func).rpartition(".")[2] == DECORATOR)
    found = (_source(folder, path, name) for call in named for path, name in _arguments(call))
    return tuple(dict.fromkeys(source for source in found if source is not None))


def beside(flow_file: str, sources: Iterable[Source], files: Iterable[str]) -> dict[str, str]:
    """Return the files of sources, in the repository, by where they seem to be for a flow: beside it.

    A name that the repository has there itself is left out, as it is in a package.
    """
    folder, known = PurePosixPath(flow_file).parent, frozenset(files)
    found: dict[str, str] = {}
    for name, source in sources:
        below = f"{source}/" if source else ""
        for file in known:
            if file == source or file.startswith(below):
                found.setdefault(str(folder / name / file[len(below) :]), file)
    return {there: file for there, file in found.items() if there not in known}


def lay_out(root: Path, flow_file: str, files: Mapping[str, str], place: Path) -> None:
    """Make a folder in which the files of `beside` are found by their names in the package, as links.

    Parameters
    ----------
    root : Path
        Of the checkout.
    flow_file : str
    files : mapping of str to str
    place : Path
        Made where there is anything to put there.
    """
    for there, file in files.items():
        link = place / PurePosixPath(there).relative_to(PurePosixPath(flow_file).parent)
        with contextlib.suppress(FileExistsError, NotADirectoryError):  # a name is a file's and a folder's
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(root / file)


def _arguments(call: ast.Call) -> Iterator[tuple[str, str | None]]:
    said = {word.arg: _literal(word.value) for word in call.keywords}
    given = [_literal(part) for part in call.args]
    sources = given[0] if given else said.get("sources")
    arcname = given[1] if len(given) > 1 else said.get("arcname")
    rows = [sources] if isinstance(sources, str) or _is_pair(sources) else sources
    for row in rows if isinstance(rows, (list, tuple, set)) else ():
        if isinstance(row, str):
            yield row, arcname if isinstance(arcname, str) else None
        elif _is_pair(row):
            yield row


def _is_pair(value: object) -> bool:
    """Tell a source with its name from two sources, as Metaflow does."""
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(part, str) for part in value)  # noqa: PLR2004


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError):
        return None


def _source(folder: str, written: str, name: str | None) -> Source | None:
    path = posixpath.normpath(posixpath.join(folder, written))
    inside = posixpath.normpath(name or posixpath.basename(path))
    if inside == "." or path.startswith(("/", "..")) or inside.startswith(("/", "..")):
        return None
    return inside, "" if path == "." else path
