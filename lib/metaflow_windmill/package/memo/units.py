"""The parts of a file that count by themselves, and the rest, which runs when the file is loaded."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from metaflow_windmill.package.memo.undecided import undecided
from metaflow_windmill.package.memo.used_names import UsedNames, bound_by, names_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

_Function = (ast.FunctionDef, ast.AsyncFunctionDef)
_NO_BASE = frozenset(
    {"object", "Exception", "ValueError", "RuntimeError", "TypeError", "LookupError", "KeyError"}
)
_HARMLESS = frozenset(
    [
        "step",
        "staticmethod",
        "classmethod",
        "property",
        "dataclass",
        "cache",
        "lru_cache",
        "cached_property",
        "contextmanager",
        "wraps",
        "abstractmethod",
        "overload",
        "total_ordering",
        "override",
        "final",
    ]
)
"""Decorators that call nothing but what they decorate, and that only when it is called."""

IMPORT = "import "
"""What the name of a part begins with that gives a name to what is imported."""

_OF_RUNNING = frozenset({"memo", "windmill"})


@dataclass(frozen=True)
class CodeUnit:
    """A piece of code that counts where one of its names is used, or always.

    Parameters
    ----------
    nodes : tuple of AST
    name : str
        By which it is used; nothing for what always counts.
    step : str
        The step whose function it is, or nothing.
    inputs : str or None
        The argument by which the function of a join gets its inputs.
    of_flow : bool
        Whether it makes the flow's class, in which any name may be that of a step.
    """

    nodes: tuple[ast.AST, ...]
    name: str = ""
    step: str = ""
    inputs: str | None = None
    of_flow: bool = False

    @cached_property
    def names(self) -> UsedNames:
        """What it names."""
        found = names_in(self.nodes, self.inputs)
        return replace(found, called=found.called | found.used) if self.of_flow else found

    @cached_property
    def text(self) -> str:
        """The code without comments, places and line breaks."""
        return "\n".join(ast.dump(node) for node in self.nodes)


@dataclass(frozen=True)
class Units:
    """The parts of a file."""

    parts: tuple[CodeUnit, ...]
    modules: frozenset[str] = field(default_factory=frozenset)

    def undecided(self, part: CodeUnit) -> str:
        """Return why nobody can say what a part of this file calls, or nothing."""
        return undecided(part.nodes, self.modules)


def units_of(
    tree: ast.Module, steps: AbstractSet[str], called_by_metaflow: AbstractSet[str], own: AbstractSet[str]
) -> Units:
    """Return the parts of a file.

    Parameters
    ----------
    tree : Module
    steps : set of str
        The names of all steps of the flow.
    called_by_metaflow : set of str
        Methods of a flow that Metaflow calls.
    own : set of str
        The last names of the user's own modules.
    """
    marks = Marks.of(tree, own)
    parts = [part for statement in tree.body for part in _parts(statement, steps, called_by_metaflow, marks)]
    return Units(tuple(parts), frozenset(_modules(tree, own)))


@dataclass(frozen=True)
class Marks:
    """Decorators of a file that call nothing, and those that are Metaflow's."""

    harmless: frozenset[str]
    of_metaflow: frozenset[str]

    @classmethod
    def of(cls, tree: ast.Module, own: AbstractSet[str]) -> Marks:
        """Tell them by where their names come from."""
        theirs = {node.name for node in tree.body if isinstance(node, (*_Function, ast.ClassDef))}
        of_metaflow: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = {name for name, _ in bound_by(node)}
                for top in _tops(node):
                    of_metaflow |= names if top == "metaflow" else set()
                    theirs |= names if top in own or not top else set()
        return cls(_HARMLESS - theirs, frozenset(of_metaflow - theirs))


def _tops(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Return the first names of what is imported; an empty one for what lies beside the file."""
    if isinstance(node, ast.ImportFrom):
        return ["" if node.level else (node.module or "").partition(".")[0]]
    return [alias.name.partition(".")[0] for alias in node.names]


def _parts(
    statement: ast.stmt, steps: AbstractSet[str], called: AbstractSet[str], marks: Marks
) -> Iterator[CodeUnit]:
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        yield from _imports(statement)
    elif isinstance(statement, _Function):
        yield from _function(statement, frozenset(), marks.harmless)
    elif isinstance(statement, ast.ClassDef):
        if any(_is_step(item, steps, marks) for item in statement.body):
            yield from _flow(statement, steps, called, marks)
        else:
            yield from _class(statement, marks.harmless)
    elif name := _constant(statement):
        yield CodeUnit((statement,), name)
    else:
        yield CodeUnit((statement,))


def _imports(statement: ast.Import | ast.ImportFrom) -> Iterator[CodeUnit]:
    """Yield what is loaded, and a part for each name, which counts where that is used."""
    module = "." * statement.level + (statement.module or "") if isinstance(statement, ast.ImportFrom) else ""
    loaded = [module] if module else [alias.name for alias in statement.names]
    yield CodeUnit((ast.Import([ast.alias(name) for name in loaded]),))
    for name, alias in bound_by(statement):
        one = type(statement)(**{**dict(ast.iter_fields(statement)), "names": [alias]})
        yield CodeUnit((ast.copy_location(one, statement),), "" if name == "*" else f"{IMPORT}{name}")


def _function(
    node: ast.FunctionDef | ast.AsyncFunctionDef, always: AbstractSet[str], harmless: AbstractSet[str]
) -> Iterator[CodeUnit]:
    if _is_dunder(node.name) or node.name in always or not _are_harmless(node.decorator_list, harmless):
        yield CodeUnit((node,))
        return
    yield CodeUnit((node,), node.name)
    yield from _evaluated([node])


def _class(node: ast.ClassDef, harmless: AbstractSet[str]) -> Iterator[CodeUnit]:
    """Yield a class as a whole: who has an object of it may call any of its methods."""
    plain = all(isinstance(base, ast.Name) and base.id in _NO_BASE for base in node.bases)
    if node.keywords or not plain or not _are_harmless(node.decorator_list, harmless):
        yield CodeUnit((node,))
        return
    yield CodeUnit((node,), node.name)
    functions = [item for item in node.body if isinstance(item, _Function)]
    yield from _evaluated(functions)
    yield from (CodeUnit((item,)) for item in node.body if not isinstance(item, _Function) and _acts(item))


def _flow(
    node: ast.ClassDef, steps: AbstractSet[str], called: AbstractSet[str], marks: Marks
) -> Iterator[CodeUnit]:
    """Yield each step and each method of a flow by itself, and what makes the class."""
    rest: list[ast.stmt] = []
    for item in node.body:
        if _is_step(item, steps, marks) and isinstance(item, ast.FunctionDef):
            yield _step(item)
            foreign = {_root_of(deco) for deco in item.decorator_list} - marks.of_metaflow
            yield from [CodeUnit((item,))] if foreign else _evaluated([item], known=True)
        elif isinstance(item, _Function):
            yield from _function(item, called, marks.harmless)
        else:
            rest.append(item)
    yield CodeUnit((ast.ClassDef(**{**dict(ast.iter_fields(node)), "body": rest}),), of_flow=True)


def _step(node: ast.FunctionDef) -> CodeUnit:
    own = [item for item in node.decorator_list if _name_of(item) not in _OF_RUNNING]
    kept = ast.copy_location(ast.FunctionDef(**{**dict(ast.iter_fields(node)), "decorator_list": own}), node)
    arguments = [item.arg for item in node.args.args]
    return CodeUnit((kept,), node.name, node.name, arguments[1] if len(arguments) > 1 else None)


def _evaluated(
    functions: Iterable[ast.FunctionDef | ast.AsyncFunctionDef], *, known: bool = False
) -> Iterator[CodeUnit]:
    """Yield what runs where a function is defined: defaults, annotations, and decorators with arguments.

    `known` decorators, of steps, only take what they are given.
    """
    for node in functions:
        held: list[ast.expr] = [*node.args.defaults, *(item for item in node.args.kw_defaults if item)]
        arguments = [item for item in ast.walk(node.args) if isinstance(item, ast.arg)]
        held += [item.annotation for item in arguments if item.annotation]
        held += [node.returns] if node.returns else []
        for decorator in node.decorator_list:
            if known and isinstance(decorator, ast.Call):
                held += [*decorator.args, *(item.value for item in decorator.keywords)]
            elif not known:
                held.append(decorator)
        yield from (CodeUnit((item,)) for item in held if _acts(item))


def _acts(node: ast.AST) -> bool:
    """Tell whether something may happen when this is evaluated."""
    return any(isinstance(item, (ast.Call, ast.NamedExpr, ast.Await)) for item in ast.walk(node))


def _constant(statement: ast.stmt) -> str:
    """Return the name that is given a value which stands there, or nothing."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
    if len(targets) != 1 or not isinstance(targets[0], ast.Name) or _is_dunder(targets[0].id):
        return ""
    try:
        ast.literal_eval(statement.value)  # type: ignore[attr-defined]  # both kinds have one
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ""
    return targets[0].id


def _modules(tree: ast.Module, own: AbstractSet[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for name, alias in bound_by(node):
                first = alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name
                last = alias.name.rpartition(".")[2]
                if (last if alias.asname else first) in own:
                    yield name


def _is_step(node: ast.stmt, steps: AbstractSet[str], marks: Marks) -> bool:
    if not isinstance(node, ast.FunctionDef) or node.name not in steps:
        return False
    return any(
        _root_of(item) in marks.of_metaflow or _name_of(item) == "step" for item in node.decorator_list
    )


def _are_harmless(decorators: Iterable[ast.expr], harmless: AbstractSet[str]) -> bool:
    return all(_name_of(item) in harmless for item in decorators)


def _name_of(decorator: ast.expr) -> str:
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _root_of(decorator: ast.expr) -> str:
    """Return the name that a decorator begins with: of a module, or its own."""
    node: ast.AST = decorator
    while isinstance(node, (ast.Call, ast.Attribute)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
