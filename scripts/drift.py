"""What this project touches of Metaflow and of Windmill's API, and what became of it in other releases."""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[1]
OURS = (ROOT / "lib", ROOT / "windmill_scripts", ROOT / "f")
ROUTE = re.compile(
    r"/?(?:users|workspaces|folders|flows|scripts|resources|variables|jobs|jobs_u|schedules|workers)(?:/(?:[a-z_]{2,}|[hpv]|{}))+"
)
"""What a route looks like where it is written down: ``flows/get/{}``."""

ELSEWHERE = ("metaflow_windmill/devserver",)
"""Rooms that answer at routes and ask none."""


@dataclass(frozen=True)
class Use:
    """Something of somebody else's that is used: its name, and the first place that does."""

    name: str
    place: str


@dataclass(frozen=True)
class Operation:
    """A route of Windmill's API, as one release describes it."""

    method: str
    path: str
    arguments: frozenset[str]


@cache
def sources() -> tuple[tuple[str, ast.AST], ...]:
    """Return this project's own files that are clients of Windmill or of Metaflow, as they are parsed."""
    return tuple(_sources())


def _sources() -> Iterator[tuple[str, ast.AST]]:
    for folder in OURS:
        for file in sorted(folder.rglob("*.py")):
            place = str(file.relative_to(ROOT))
            if file.name != "library.py" and not any(room in place for room in ELSEWHERE):
                yield place, ast.parse(file.read_text(encoding="utf-8"))


def metaflow_names() -> list[Use]:
    """Return what is imported from Metaflow, as ``module:name``, each once."""
    found: dict[str, Use] = {}
    for place, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "metaflow":
                for name in node.names:
                    use = f"{node.module}:{name.name}"
                    found.setdefault(use, Use(use, f"{place}:{node.lineno}"))
    return sorted(found.values(), key=lambda use: use.name)


def missing_names(metaflow: Path) -> list[Use]:
    """Return what is imported from Metaflow and not in a copy of it, read and never run.

    Parameters
    ----------
    metaflow : Path
        The folder of the package ``metaflow``.
    """
    return [use for use in metaflow_names() if not _defines(metaflow, use.name)]


def _defines(metaflow: Path, use: str) -> bool:
    module, name = use.split(":")
    base = metaflow.joinpath(*module.split(".")[1:])
    if (base / name).is_dir() or (base / f"{name}.py").is_file():
        return True
    file = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    return (
        file.is_file() and re.search(rf"\b{re.escape(name)}\b", file.read_text(encoding="utf-8")) is not None
    )


def routes() -> list[Use]:
    """Return the routes of Windmill that are asked, such as ``flows/get/{}``, each once."""
    found: dict[str, Use] = {}
    for place, tree in sources():
        inside = {
            id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
        }
        for node in ast.walk(tree):
            text = "" if id(node) in inside else _text(node).partition("?")[0]
            if ROUTE.fullmatch(text):
                name = text.removeprefix("/")
                found.setdefault(name, Use(name, f"{place}:{node.lineno}"))  # type: ignore[attr-defined]
    return sorted(found.values(), key=lambda use: use.name)


def _text(node: ast.AST) -> str:
    """Return a string as it stands in a file, with ``{}`` for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join("{}" if isinstance(part, ast.FormattedValue) else _text(part) for part in node.values)
    return ""


def operations(described: Path) -> list[Operation]:
    """Return the routes that a release of ``windmill-api`` has.

    Parameters
    ----------
    described : Path
        The folder of the package ``windmill_api``.
    """
    files = sorted((described / "api").glob("*/*.py"))
    return [found for file in files for found in [_operation(file.read_text(encoding="utf-8"))] if found]


def _operation(text: str) -> Operation | None:
    url, method = re.search(r'"url": "([^"]+)"', text), re.search(r'"method": "(\w+)"', text)
    if url is None or method is None:
        return None
    path = re.sub(r"{\w+}", "{}", re.sub(r"^/(w/{workspace}/)?", "", url[1]))
    asked = re.search(r"def _get_kwargs\((.*?)\) ->", text, re.DOTALL)
    arguments = re.findall(r"^ {4}(\w+):", asked[1], re.MULTILINE) if asked else []
    return Operation(method[1].upper(), path, frozenset(arguments))


def of_route(route: str, known: list[Operation]) -> list[Operation]:
    """Return the operations that a route may be: what is filled in may be any word of the other one."""
    ours = _pattern(route)
    return [one for one in known if ours.fullmatch(one.path) or _pattern(one.path).fullmatch(route)]


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path).replace(re.escape("{}"), r"[^?]+"))


def changed(tried: list[Operation], new: list[Operation]) -> Iterator[str]:
    """Say which routes that are used are gone, and which take other arguments now."""
    for use in routes():
        before, after = of_route(use.name, tried), of_route(use.name, new)
        if not after:
            known = "gone" if before else "in neither release"
            yield f"GONE     {use.name} ({use.place}): {known}"
        yield from _other_arguments(use, _by_name(before), _by_name(after))


def _by_name(found: list[Operation]) -> Mapping[tuple[str, str], Operation]:
    return {(one.method, one.path): one for one in found}


def _other_arguments(
    use: Use,
    before: Mapping[tuple[str, str], Operation],
    after: Mapping[tuple[str, str], Operation],
) -> Iterator[str]:
    for name in sorted(before.keys() & after.keys()):
        gone = sorted(before[name].arguments - after[name].arguments)
        come = sorted(after[name].arguments - before[name].arguments)
        if gone or come:
            words = [*(f"-{word}" for word in gone), *(f"+{word}" for word in come)]
            yield f"changed  {' '.join(name)} ({use.place}): {' '.join(words)}"


def main() -> int:
    """Print what matters; return 1 where something that is used is gone."""
    tried, new = (Path(word) for word in sys.argv[1:3])
    lines = [f"GONE     {use.name} ({use.place}): not in Metaflow" for use in missing_names(new / "metaflow")]
    lines += changed(operations(tried / "windmill_api"), operations(new / "windmill_api"))
    names, asked = len(metaflow_names()), len(routes())
    print(
        "\n".join(lines)
        or f"Nothing changed of the {names} names of Metaflow and {asked} routes that are used."
    )
    return any(line.startswith("GONE") for line in lines)


if __name__ == "__main__":
    sys.exit(main())
