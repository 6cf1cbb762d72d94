"""Finds the flow files of a checkout by reading them, without running any."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from metaflow_windmill.errors import GitSourceError
from metaflow_windmill.package.imports import parsed
from metaflow_windmill.package.sources import called_names, defined_flows, flows_of
from metaflow_windmill.workspace.compiling.packaged import DECORATOR, beside, sources_in

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence
    from pathlib import Path

MAX_SOURCE = 2 * 1024 * 1024
_PROJECT = re.compile(r"(?m)^@(\w+\.)*project\b")
_PACKAGES = re.compile(r"""(?m)^[ \t]*@(\w+\.)*(pypi|conda)(_base)?\b|["'](pypi|conda)(_base)?["']""")
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class FlowFile:
    """A file that runs a flow.

    Parameters
    ----------
    path : str
        In the repository.
    flows : tuple of str
        The names of the flow classes that it runs.
    project : bool
        Whether it uses ``@project``, and so has a branch.
    packages : bool
        Whether it, or what it imports, uses ``@pypi`` or ``@conda``, which Metaflow refuses without
        ``--environment``.
    packaged : mapping of str to str
        The files of other folders that it takes in by ``@package_sources``, by where they seem to be for it.
    """

    path: str
    flows: tuple[str, ...]
    project: bool = False
    packages: bool = False
    packaged: Mapping[str, str] = field(default_factory=dict)


def matching(files: Iterable[str], patterns: Sequence[str], subfolder: str = "") -> list[str]:
    """Return the files below a folder that match any of the patterns, sorted.

    A pattern without a wildcard names one file or everything in one folder. Names that begin
    with a dot are met only by a pattern that says the dot.
    """
    prefix = f"{subfolder}/" if subfolder else ""
    tests = [_as_regex(pattern) for pattern in patterns]
    below = (path for path in files if path.startswith(prefix))
    return sorted(path for path in below if any(test.fullmatch(path[len(prefix) :]) for test in tests))


def _as_regex(pattern: str) -> re.Pattern[str]:
    if not _WILD.search(pattern):
        return re.compile(rf"{re.escape(pattern)}(/(?!\.)[^/]*(?<=\.py))?")
    parts = ["".join(_translated(part)) for part in pattern.split("/")]
    return re.compile(
        "/".join(parts).replace("\0/", r"(?:(?!\.)[^/]+/)*").replace("\0", r"(?:(?!\.)[^/]+/)*(?!\.)[^/]+")
    )


def _translated(part: str) -> Iterable[str]:
    if part == "**":
        yield "\0"
        return
    if not part.startswith("."):
        yield r"(?!\.)"
    for mark in re.findall(r"\[[^\]/]+\]|.", part):
        if mark == "*":
            yield "[^/]*"
        elif mark == "?":
            yield "[^/]"
        elif mark.startswith("[") and len(mark) > 1:
            chosen = mark[1:-1].replace("\\", r"\\")
            yield f"[^/{chosen[1:]}]" if chosen.startswith("!") else f"[{chosen}]"
        else:
            yield re.escape(mark)


def find_flows(
    root: Path, files: Sequence[str], patterns: Sequence[str], subfolder: str = ""
) -> list[FlowFile]:
    """Return the flow files among those that match, in order of their paths.

    Parameters
    ----------
    root : Path
        Of the checkout.
    files : sequence of str
        The regular files in it.
    patterns : sequence of str
        A pattern without a wildcard must name something, and what it names is taken for a flow.
    subfolder : str

    Raises
    ------
    GitSourceError
        If a pattern without a wildcard names nothing, or the subfolder is not there.
    """
    chosen: dict[str, FlowFile] = {}
    if subfolder and not any(path.startswith(f"{subfolder}/") for path in files):
        raise GitSourceError(
            f"There is no folder {subfolder!r} in this commit. Check 'subfolder'; the folders there are "
            f"{', '.join(_folders(files)) or 'none'}."
        )
    for pattern in patterns:
        paths = [path for path in matching(files, [pattern], subfolder) if path.endswith(".py")]
        named = not _WILD.search(pattern) and pattern.endswith(".py")
        if named and not paths:
            where = f" below {subfolder}" if subfolder else ""
            raise GitSourceError(
                f"There is no file {pattern!r}{where} in this commit. Check the name in 'flows'."
            )
        for path in paths:
            flow = _flow_file(root, path, frozenset(files))
            if flow.flows or named:
                chosen[path] = _with_imports(root, flow, frozenset(files))
    return [chosen[path] for path in sorted(chosen)]


def _folders(files: Iterable[str]) -> list[str]:
    """Return the folders at the root of a checkout, the first few."""
    return sorted({path.partition("/")[0] for path in files if "/" in path and not path.startswith(".")})[:20]


def _flow_file(root: Path, path: str, files: frozenset[str]) -> FlowFile:
    source = _source(root / path)
    launched = launched_flows(root, path, files)
    texts = (source, *(_source(root / file) for file in launched.values()))
    return FlowFile(path, (*flows_in(source), *launched), any(map(_PROJECT.search, texts)))


def _with_imports(root: Path, flow: FlowFile, files: frozenset[str]) -> FlowFile:
    """Return a flow with what it takes in from other folders, and whether any of it asks for packages."""
    modules, packaged = _seen_by(root, flow.path, files)
    asks = any(_PACKAGES.search(_source(root / file)) for file in modules.values())
    return replace(flow, packages=asks, packaged=packaged)


def flows_in(source: str) -> tuple[str, ...]:
    """Return the flow classes that a file defines and runs as the main program; none if it is not one.

    A class counts that has a method decorated with ``step``, or a base named like a flow, and that
    the file calls: under ``if __name__ == "__main__"`` or at its top level.
    """
    tree = parsed(source)
    return _guessed(source) if tree is None else flows_of(tree)


def launched_flows(root: Path, path: str, files: frozenset[str]) -> dict[str, str]:
    """Return the flow classes that a file imports from other files of the checkout and runs.

    Returns
    -------
    dict of str to str
        The file that defines it, by the name of the class.
    """
    tree = parsed(_source(root / path))
    found: dict[str, str] = {}
    if tree is None:
        return found
    called, base = set(called_names(tree)), str(PurePosixPath(path).parent)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and not node.level:
            wanted = {alias.name for alias in node.names if (alias.asname or alias.name) in called}
            for file in _files_of(base, node.module or "", files) if wanted else ():
                defining = parsed(_source(root / file))
                flows = defined_flows(defining) if defining else ()
                found.update({name: file for name in flows if name in wanted})
    return found


def _guessed(source: str) -> tuple[str, ...]:
    """Name the flow of a file that does not parse, so that it is reported and not passed over."""
    found = re.search(r"^class\s+(\w+)\s*\([^)]*FlowSpec", source, re.MULTILINE)
    return (found[1],) if found else ()


def _source(path: Path) -> str:
    if path.stat().st_size > MAX_SOURCE:
        return ""
    return path.read_text(encoding="utf-8", errors="replace")


def imports_of(root: Path, path: str, files: frozenset[str]) -> frozenset[str]:
    """Return the files of the checkout that a file imports, directly or through others, itself included.

    Imports anywhere in a file count, those inside functions too. Modules are looked for beside
    the flow file, as Python does for a main program, and beside the file that imports them. What
    ``@package_sources`` takes in is beside the flow file.
    """
    return frozenset(modules_of(root, path, files).values())


def modules_of(root: Path, path: str, files: frozenset[str]) -> dict[str, str]:
    """Return the files that `imports_of` returns, by where each seems to be for the flow."""
    return _seen_by(root, path, files)[0]


def _seen_by(root: Path, path: str, files: frozenset[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return what a flow imports, and what it takes in from other folders, by where that seems to be."""
    visible = {name: name for name in files}
    reached = _reached(root, path, visible)
    packaged: dict[str, str] = {}
    for file in sorted(reached):
        text = _source(root / file)
        tree = parsed(text) if DECORATOR in text else None
        if tree is not None:
            packaged |= beside(path, sources_in(tree, str(PurePosixPath(file).parent)), files)
    if packaged:
        visible |= packaged
        reached = _reached(root, path, visible)
    return {name: visible[name] for name in reached}, packaged


def _reached(root: Path, path: str, visible: Mapping[str, str]) -> frozenset[str]:
    base = str(PurePosixPath(path).parent)
    found: set[str] = set()
    waiting = [path]
    while waiting:
        current = waiting.pop()
        if current in found:
            continue
        found.add(current)
        waiting += _imported(root / visible[current], current, base, visible)
    return frozenset(found)


def _imported(file: Path, current: str, base: str, files: Container[str]) -> list[str]:
    tree = parsed(_source(file))
    if tree is None:
        return []
    own = PurePosixPath(current).parent
    names: set[tuple[str, str]] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {(base, alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = str([own, *own.parents][min(node.level, len(own.parts) + 1) - 1]) if node.level else base
            module = node.module or ""
            names |= {(start, f"{module}.{alias.name}".strip(".")) for alias in node.names} | {
                (start, module)
            }
    return [path for start, name in names for path in _files_of(start, name, files)]


def _files_of(start: str, module: str, files: Container[str]) -> Iterable[str]:
    """Yield the files that an import of a dotted name runs: the packages on the way, and the module."""
    place = PurePosixPath(start)
    for part in module.split("."):
        for candidate in (f"{place / part}.py", str(place / part / "__init__.py")):
            if candidate in files:
                yield candidate
        place /= part
