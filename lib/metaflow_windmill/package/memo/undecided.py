"""Code of which nobody can say what it calls or reads before it runs: then all of the package counts."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

_NEVER_KNOWN = frozenset(
    {
        *("exec", "eval", "compile", "globals", "locals", "vars", "dir", "gc", "inspect", "getcwd", "cwd"),
        *("__import__", "__dict__", "__code__", "__globals__", "__builtins__", "__file__", "__path__"),
        *("__spec__", "__loader__", "__doc__", "__subclasses__", "__mro__", "__bases__", "__reduce__"),
        *("__reduce_ex__", "__getstate__", "__setstate__", "f_globals", "f_locals", "_getframe"),
        *("currentframe", "settrace", "setprofile", "FunctionType", "CodeType", "modules", "chdir"),
        *("import_module", "importlib", "imp", "runpy", "pkgutil", "zipimport", "pydoc", "locate"),
        *("resolve_name", "import_string", "import_from_string", "hydra", "ctypes", "cffi"),
        *("pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "read_pickle"),
        *("allow_pickle", "add_extension", "subprocess", "Popen", "popen", "system", "posix_spawn"),
        *("execv", "execve", "execvp", "execvpe", "spawnv", "spawnl"),
        *("listdir", "scandir", "walk", "iterdir", "rglob", "glob"),
    }
)
"""Names by which code is made, found, read or started in ways that no reader of it can follow."""

_ATTRIBUTES_ONLY = frozenset({"modules", "walk", "glob", "cwd"})
_PLAIN_NAMES_ONLY = frozenset({"compile", "eval", "dir", "vars", "exec"})
_BY_TEXT = {"getattr": 1, "hasattr": 1, "setattr": 1, "delattr": 1, "attrgetter": 0, "methodcaller": 0}
"""Functions that take the name of an attribute, and at which place."""


def undecided(nodes: Iterable[ast.AST], modules: AbstractSet[str] = frozenset()) -> str:
    """Return why nobody can say what some code calls, as a clause; nothing where one can.

    Parameters
    ----------
    nodes : iterable of AST
    modules : set of str
        Names that stand for modules of the user's own there: one that is handed on may have any of its
        functions called.
    """
    return next((why for node in nodes for why in _reasons(node, modules)), "")


def _reasons(top: ast.AST, modules: AbstractSet[str]) -> Iterator[str]:
    known = set(map(id, _well_used(top)))
    for node in ast.walk(top):
        line = f"line {getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Name):
            if node.id in _NEVER_KNOWN - _ATTRIBUTES_ONLY or (node.id in _BY_TEXT and id(node) not in known):
                yield f"{line} uses {node.id}"
            if node.id in modules and isinstance(node.ctx, ast.Load) and id(node) not in known:
                yield f"{line} hands on the module {node.id}"
        elif isinstance(node, ast.Attribute):
            if node.attr in _NEVER_KNOWN - _PLAIN_NAMES_ONLY:
                yield f"{line} uses {node.attr}"
            if node.attr in {"attrgetter", "methodcaller"} and id(node) not in known:
                yield f"{line} uses {node.attr}"
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (f"{line} imports {name}" for name in _imported(node) if name in _NEVER_KNOWN)
        elif isinstance(node, ast.keyword) and node.arg in _NEVER_KNOWN:
            yield f"{line} uses {node.arg}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.endswith(".py"):
            yield f"{line} names a file of code"


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    yield from (node.module or "").split(".") if isinstance(node, ast.ImportFrom) else ()
    for alias in node.names:
        yield from alias.name.split(".")


def _well_used(top: ast.AST) -> Iterator[ast.AST]:
    """Yield what is used so that it can be followed: of a module an attribute, a name that is written out."""
    for node in ast.walk(top):
        if isinstance(node, ast.Attribute):
            yield node.value
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            first = _BY_TEXT.get(name)
            said = node.args[first : first + 1] if first is not None else []
            said = node.args if name == "attrgetter" else said
            if said and all(isinstance(item, ast.Constant) for item in said):
                yield node.func
