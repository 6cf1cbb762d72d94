"""What a piece of code names: all that it may call, as far as that stands in it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_WORDS = re.compile(r"[A-Za-z_]\w*")
_BY_TEXT = frozenset({"getattr", "hasattr", "setattr", "delattr", "attrgetter", "methodcaller"})


@dataclass
class UsedNames:
    """What was found in some code.

    Parameters
    ----------
    used : set of str
        Variables, attributes and the words of texts: a function of any of these names may be called.
    called : set of str
        Attributes by which a step may be called as a function: not where `self.next` leads, not what a join
        reads of its inputs.
    renamed : set of (str, str)
        Names under which imports put others: ``from a import b as c`` gives ``(c, b)``.
    imports : set of (str, int)
        Modules and what may be one, each with the number of dots before it.
    texts : set of str
    """

    used: set[str] = field(default_factory=set)
    called: set[str] = field(default_factory=set)
    renamed: set[tuple[str, str]] = field(default_factory=set)
    imports: set[tuple[str, int]] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)

    def add(self, other: UsedNames) -> None:
        """Take in what was found elsewhere."""
        for name, found in vars(self).items():
            found.update(getattr(other, name))


def words_of(text: str) -> set[str]:
    """Return what may be a name in a text."""
    return set(_WORDS.findall(text))


def names_in(nodes: Iterable[ast.AST], inputs: str | None = None) -> UsedNames:
    """Return what some code names.

    Parameters
    ----------
    nodes : iterable of AST
    inputs : str or None
        The argument by which a join gets its inputs, if this is the function of one.
    """
    found = UsedNames()
    for node in nodes:
        _walk(node, found, inputs)
    found.used |= found.called
    return found


def bound_by(statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, ast.alias]]:
    """Yield the names that an import gives a meaning to."""
    for alias in statement.names:
        plain = alias.name.partition(".")[0] if isinstance(statement, ast.Import) else alias.name
        yield alias.asname or plain, alias


def _walk(node: ast.AST, found: UsedNames, inputs: str | None) -> None:
    if isinstance(node, ast.Name):
        found.used.add(node.id)
    elif isinstance(node, ast.Attribute):
        of_inputs = isinstance(node.value, ast.Name) and node.value.id == inputs
        (found.used if of_inputs else found.called).add(node.attr)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        found.texts.add(node.value)
        found.used |= words_of(node.value)
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        _take_import(node, found)
    elif isinstance(node, ast.Call):
        _take_call(node, found)
    onwards = _onwards(node)
    for child in _parts(node):
        if child not in onwards:
            _walk(child, found, inputs)


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is inside, but for texts that nothing reads; where a step goes on to, one by one."""
    for child in ast.iter_child_nodes(node):
        said = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
        if isinstance(child, ast.Dict) and _is_next(node):
            yield from (part for part in (*child.keys, *child.values) if part is not None)
        elif not said:
            yield child


def _onwards(node: ast.AST) -> list[ast.Attribute]:
    """Return where a call of `self.next` leads: the steps themselves, or those of a switch."""
    if not (isinstance(node, ast.Call) and _is_next(node)):
        return []
    cases = [case for given in node.args if isinstance(given, ast.Dict) for case in given.values]
    return [item for item in (*node.args, *cases) if isinstance(item, ast.Attribute) and _is_own(item)]


def _take_import(node: ast.Import | ast.ImportFrom, found: UsedNames) -> None:
    level = node.level if isinstance(node, ast.ImportFrom) else 0
    module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
    for name, alias in bound_by(node):
        found.imports.add((f"{module}.{alias.name}".strip(".").removesuffix(".*"), level))
        if name != alias.name:
            found.renamed.add((name, alias.name))


def _take_call(node: ast.Call, found: UsedNames) -> None:
    """Take in what is named by a text."""
    function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if function in _BY_TEXT:
        texts = (item.value for item in node.args if isinstance(item, ast.Constant))
        found.called |= {word for text in texts if isinstance(text, str) for word in words_of(text)}


def _is_next(node: ast.AST) -> bool:
    """Tell whether this is a call of `self.next`."""
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Attribute) and called.attr == "next" and _is_own(called)


def _is_own(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "self"
