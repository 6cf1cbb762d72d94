"""What Python files import, read from their syntax trees: nothing of them is run."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What `ast.parse` raises for a file that is no Python of this version."""

_ABSENT = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
_IMPLIED = {"metaflow.S3": "boto3"}
"""What Metaflow imports only when a flow uses a part of it."""


@dataclass(frozen=True)
class Import:
    """One module that a file imports.

    Parameters
    ----------
    module : str
        Its dotted name; for ``from a import b`` it is ``a.b``, which may be a module or a name in one.
    file : str
        Where the import stands.
    line : int
    optional : bool
        Whether the file goes on without it: in ``try`` before ``except ImportError``, in that
        handler, or in a branch for some platforms or versions of Python only.
    level : int
        The number of dots of a relative import.
    """

    module: str
    file: str
    line: int
    optional: bool = False
    level: int = 0

    @property
    def top(self) -> str:
        """The first part of the name."""
        return self.module.partition(".")[0]


def parsed(source: str) -> ast.Module | None:
    """Return the syntax tree of a file, or None where it is no Python of this version."""
    try:
        return ast.parse(source)
    except UNREADABLE:
        return None


def imports_in(tree: ast.AST, file: str = "") -> tuple[Import, ...]:
    """Return all imports of a file, those inside functions too, but for those under ``TYPE_CHECKING``."""
    return tuple(_walk([tree], file, optional=False))


def _walk(nodes: Sequence[ast.AST], file: str, *, optional: bool) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.Call)):
            yield from _named(node, file, optional=optional)
        for part, choice in _parts(node):
            yield from _walk(part, file, optional=optional or choice)


def _parts(node: ast.AST) -> Iterator[tuple[Sequence[ast.AST], bool]]:
    """Yield the parts of a node that may run, and whether they may also not."""
    if isinstance(node, ast.If):
        yield from _branches(node)
    elif isinstance(node, ast.Try):
        caught = any(_catches_absence(handler.type) for handler in node.handlers)
        yield node.body, caught
        yield node.handlers, caught
        yield [*node.orelse, *node.finalbody], False
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        yield [item.context_expr for item in node.items], False
        yield node.body, any(_suppresses(item.context_expr) for item in node.items)
    else:
        yield list(ast.iter_child_nodes(node)), False


def _branches(node: ast.If) -> Iterator[tuple[Sequence[ast.AST], bool]]:
    said = ast.unparse(node.test)
    checking = said.rpartition(".")[2] == "TYPE_CHECKING" and not said.startswith("not ")
    never = said in {"False", "0"} or checking
    always = said in {"True", "1"} or (said.startswith("not ") and said.endswith("TYPE_CHECKING"))
    depends = any(said.startswith(part) for part in ("sys.", "os.name", "platform.", "not sys."))
    yield [node.test], False
    yield from [] if never else [(node.body, depends)]
    yield from [] if always else [(node.orelse, depends)]


def _catches_absence(kind: ast.expr | None) -> bool:
    """Tell whether a handler is for modules that are not there."""
    if isinstance(kind, ast.Tuple):
        return any(map(_catches_absence, kind.elts))
    return kind is None or ast.unparse(kind) in _ABSENT


def _suppresses(expression: ast.expr) -> bool:
    if not isinstance(expression, ast.Call) or not ast.unparse(expression.func).endswith("suppress"):
        return False
    return any(map(_catches_absence, expression.args))


def _named(node: ast.Import | ast.ImportFrom | ast.Call, file: str, *, optional: bool) -> Iterator[Import]:
    level = node.level if isinstance(node, ast.ImportFrom) else 0
    for name in _names(node):
        yield Import(name, file, node.lineno, optional, level)
        if name in _IMPLIED:
            yield Import(_IMPLIED[name], file, node.lineno, optional)


def _function(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _names(node: ast.Import | ast.ImportFrom | ast.Call) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (f"{node.module or ''}.{alias.name}".strip(".").removesuffix(".*") for alias in node.names)
    elif _function(node) in {"import_module", "__import__"} and node.args:
        name = node.args[0]
        if isinstance(name, ast.Constant) and isinstance(name.value, str) and name.value[:1] not in {"", "."}:
            yield name.value
