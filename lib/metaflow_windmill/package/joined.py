"""Several modules become one text: for Windmill each step is one file, and a reader wants more than one."""

from __future__ import annotations

import ast
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def joined(texts: Iterable[str], own: str) -> str:
    """Return modules as one, which has the docstring of the last of them.

    Parameters
    ----------
    texts : iterable of str
        Each uses only names of those before it, of the standard library, and of itself.
    own : str
        The package of these modules: what they import of each other is left out.
    """
    modules = [_Module(text, own) for text in texts]
    plain = sorted({line for module in modules for line in module.imports}, key=_order)
    typing = sorted({line for module in modules for line in module.typing})
    header = [modules[-1].docstring, "", "from __future__ import annotations", "", *plain]
    guarded = ["", "if TYPE_CHECKING:", *(f"    {line}" for line in typing)] if typing else []
    return "\n".join((*header, *guarded, "", "\n\n".join(module.body for module in modules)))


class _Module:
    """The parts of a module's text: only the imports at its beginning are looked at."""

    def __init__(self, text: str, own: str) -> None:
        lines = text.splitlines(keepends=True)
        tree = ast.parse(text)
        first, *rest = tree.body
        self.docstring = "".join(lines[: first.end_lineno]).rstrip()
        head = [node for node in rest if isinstance(node, (ast.Import, ast.ImportFrom, ast.If))]
        guarded = (node.body for node in head if isinstance(node, ast.If))
        self.imports = list(_lines(head, own))
        self.typing = list(_lines(chain.from_iterable(guarded), own))
        self.body = "".join(lines[head[-1].end_lineno :]).strip("\n") + "\n"


def _lines(nodes: Iterable[ast.stmt], own: str) -> Iterator[str]:
    """Yield imports, one of a name each, without those of the modules that are joined."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            elsewhere = node.module != "__future__" and not f"{node.module}.".startswith(f"{own}.")
            yield from (f"from {node.module} import {name.name}" for name in node.names if elsewhere)
        elif isinstance(node, ast.Import):
            yield from (f"import {name.name}" for name in node.names)


def _order(line: str) -> tuple[bool, str]:
    return line.startswith("from"), line
