"""The Python files of a flow's folder: which of them its tasks may import, and what from elsewhere.

A code package holds every Python file in the folder of its flow: also other flows, and tests. Of
those only what the flow itself reaches counts, so that each flow brings what it needs.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from metaflow_windmill.package.imports import Import, imports_in, parsed
from metaflow_windmill.package.well_known import SHARED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

STANDARD = sys.stdlib_module_names
MOST_TEXT = 5_000_000
"""Characters in all Python files of a folder; more is a whole environment, or somebody else's code."""

_ELSEWHERE = frozenset({"site-packages", "node_modules", "__pycache__"})
_LIKE_A_FLOW = re.compile(r"@step|@\w+\.step|Flow\b|FlowSpec")
_IMPORTS = re.compile(
    r"""(?m)^[ \t]*from[ \t]+(\w[\w.]*)[ \t]+import\b|^[ \t]*import[ \t]+(\w[\w., \t]*?)[ \t]*(?:#.*|;.*)?$"""
    r"""|import_module\(["'](\w[\w.]*)"""
)
_IN_PACKAGE = frozenset({"metaflow", "metaflow_extensions", "metaflow_windmill"})


class Sources:
    """The Python files of a folder, by their names from there on; a tree is made where one is needed.

    Parameters
    ----------
    texts : mapping of str to str
        What lies in an environment is none of the flow's, and is left out.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        kept = (name for name in sorted(texts) if not _ELSEWHERE & set(PurePosixPath(name).parts))
        self.texts = {name: texts[name] for name in kept}
        self._trees: dict[str, ast.Module | None] = {}

    @property
    def are_many(self) -> bool:
        """Whether they are more than are looked at one by one: then those count that the flow imports."""
        return sum(map(len, self.texts.values())) > MOST_TEXT

    def tree(self, name: str) -> ast.Module | None:
        """Return the syntax tree of a file; None where it is no Python."""
        if name not in self._trees:
            self._trees[name] = parsed(self.texts[name])
        return self._trees[name]

    def imports(self, name: str) -> tuple[Import, ...]:
        """Return what a file imports."""
        tree = self.tree(name)
        return () if tree is None else imports_in(tree, name)

    def runs_a_flow(self, name: str) -> bool:
        """Tell whether a file is the program of a flow."""
        tree = self.tree(name) if _LIKE_A_FLOW.search(self.texts[name]) else None
        return tree is not None and bool(flows_of(tree))


def foreign_imports(sources: Sources, flow_file: str) -> tuple[Import, ...]:
    """Return what the tasks of a flow may import that is neither Python's own nor in the folder.

    Parameters
    ----------
    sources : Sources
        All Python files of the folder.
    flow_file : str

    Returns
    -------
    tuple of Import
        Those of the files that the flow reaches by imports, then those of files that may be
        imported or started in another way: of these, what nothing told of before.
    """
    own = frozenset(PurePosixPath(name).parts[0].partition(".")[0] for name in sources.texts)
    reached = _reached(sources, flow_file)
    found = _foreign(sources, reached, own | _IN_PACKAGE | STANDARD)
    nested = {part.partition(".")[0] for name in sources.texts for part in PurePosixPath(name).parts}
    told = {item.top for item in found if not item.optional} | nested | _IN_PACKAGE | STANDARD
    told -= SHARED
    if sources.are_many:
        return found
    for name in sorted(_unreached(sources, flow_file, reached)):
        if new := _named(sources.texts[name]) - told:
            found = (*found, *_foreign(sources, [name], told))
            told |= new - SHARED
    return found


def _foreign(sources: Sources, names: Iterable[str], own: AbstractSet[str]) -> tuple[Import, ...]:
    items = (item for name in sorted(names) for item in sources.imports(name))
    return tuple(item for item in items if not item.level and item.top not in own)


def _named(text: str) -> set[str]:
    """Return the first names of what a file seems to import, by its text alone, which is fast."""
    said = (match[1] or match[2] or match[3] for match in _IMPORTS.finditer(text))
    return {re.split(r"[.\s]", part.strip())[0] for parts in said for part in parts.split(",")}


def _unreached(sources: Sources, flow_file: str, reached: set[str]) -> set[str]:
    """Return files that a flow does not import, but for other flows, what only they import, and tests."""
    rest = [name for name in sources.texts if name not in reached and name != flow_file]
    others = [name for name in rest if sources.runs_a_flow(name)]
    of_others = {name for other in others for name in _reached(sources, other)}
    return {name for name in rest if name not in of_others and not _is_test(name)}


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


def _reached(sources: Sources, start: str) -> set[str]:
    """Return the files that a file imports, directly or through others, itself included."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in sources.texts and name not in found:
            found.add(name)
            waiting += (file for item in sources.imports(name) for file in _files_of(item, name))
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
