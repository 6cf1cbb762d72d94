"""The Python files of a flow's folder: which of them its tasks may import, and what from elsewhere.

A code package holds every Python file in the folder of its flow: also other flows, and tests. Of
those only what the flow itself reaches counts, so that each flow brings what it needs.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from metaflow_windmill.package.imports import Import, imports_in, parsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

STANDARD = sys.stdlib_module_names
_ELSEWHERE = frozenset({"site-packages", "node_modules", "__pycache__"})
_IN_PACKAGE = frozenset({"metaflow", "metaflow_extensions", "metaflow_windmill"})


@dataclass(frozen=True)
class Source:
    """A Python file: its name from the folder of the flow on, and its syntax tree."""

    name: str
    tree: ast.Module
    imports: tuple[Import, ...]


def read_sources(texts: Mapping[str, str]) -> dict[str, Source]:
    """Return the files that are Python, by name; what lies in an environment is none of the flow's."""
    found: dict[str, Source] = {}
    for name, text in sorted(texts.items()):
        if not _ELSEWHERE & set(PurePosixPath(name).parts) and (tree := parsed(text)) is not None:
            found[name] = Source(name, tree, imports_in(tree, name))
    return found


def foreign_imports(sources: Mapping[str, Source], flow_file: str) -> tuple[Import, ...]:
    """Return what the tasks of a flow may import that is neither Python's own nor in the folder.

    Parameters
    ----------
    sources : mapping of str to Source
        All Python files of the folder.
    flow_file : str

    Returns
    -------
    tuple of Import
        In the order of the files and lines.
    """
    own = own_modules(sources) | _IN_PACKAGE | STANDARD
    used = (sources[name] for name in sorted(used_files(sources, flow_file)))
    return tuple(item for source in used for item in source.imports if not item.level and item.top not in own)


def own_modules(names: Iterable[str]) -> frozenset[str]:
    """Return the names by which the files of a folder are imported."""
    return frozenset(PurePosixPath(name).parts[0].partition(".")[0] for name in names)


def used_files(sources: Mapping[str, Source], flow_file: str) -> frozenset[str]:
    """Return the files that tasks of a flow may import.

    These are the ones that it reaches by imports, and those that may be imported or started in
    another way: all but other flows, what only these reach, and tests.
    """
    reached = _reached(sources, flow_file)
    others = {name for name, source in sources.items() if name != flow_file and runs_a_flow(source.tree)}
    of_others = {name for other in others - reached for name in _reached(sources, other)}
    return frozenset(reached | {name for name in sources if name not in of_others and not _is_test(name)})


def runs_a_flow(tree: ast.Module) -> bool:
    """Tell whether a file is a flow's own program: it has steps, and calls a class that it defines."""
    return bool(flows_of(tree))


def flows_of(tree: ast.Module) -> tuple[str, ...]:
    """Return the flow classes that a file defines and runs when it is the main program.

    A class counts that has a method decorated with ``step``, or a base named like a flow, and that
    the file calls: under ``if __name__ == "__main__"`` or at its top level.
    """
    called = set(called_names(tree))
    return tuple(name for name in defined_flows(tree) if name in called)


def defined_flows(tree: ast.Module) -> tuple[str, ...]:
    """Return the flow classes that a file defines."""
    return tuple(node.name for node in tree.body if isinstance(node, ast.ClassDef) and _is_flow(node))


def called_names(tree: ast.Module) -> Iterator[str]:
    """Yield the names that top-level statements call, outside of functions and classes."""
    for statement in tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield node.func.id


def _is_flow(node: ast.ClassDef) -> bool:
    bases = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
    return any(base.endswith(("FlowSpec", "Flow")) for base in bases) or any(
        isinstance(item, ast.FunctionDef) and any(_mark(mark) == "step" for mark in item.decorator_list)
        for item in node.body
    )


def _mark(mark: ast.expr) -> str:
    inner = mark.func if isinstance(mark, ast.Call) else mark
    return ast.unparse(inner).rpartition(".")[2]


def _reached(sources: Mapping[str, Source], start: str) -> set[str]:
    """Return the files that a file imports, directly or through others, itself included."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in sources and name not in found:
            found.add(name)
            waiting += (file for item in sources[name].imports for file in _files_of(item, name))
    return found


def _files_of(item: Import, importer: str) -> Iterator[str]:
    """Yield the names that the files of an import would have."""
    place = PurePosixPath(importer)
    place = place.parents[min(item.level, len(place.parents)) - 1] if item.level else PurePosixPath()
    yield str(place / "__init__.py")
    for part in item.module.split("."):
        place /= part
        yield f"{place}.py"
        yield str(place / "__init__.py")


def _is_test(name: str) -> bool:
    path = PurePosixPath(name)
    named = path.name in {"conftest.py", "setup.py"} or path.name.startswith("test_")
    return named or path.stem.endswith("_test") or bool({"tests", "test"} & set(path.parts[:-1]))
