"""Each room says in its ``__init__`` what others may use of it; a word names one thing in all of them."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LIB = Path(__file__).parents[2] / "lib"
SCRIPTS = Path(__file__).parents[2] / "f" / "metaflow"
ROOT = "metaflow_windmill"


def modules() -> dict[str, Path]:
    """The modules of the library by name; rooms are those of an ``__init__``."""
    files = (file for file in (LIB / ROOT).rglob("*.py") if not {"f_metaflow", "in_job"} & set(file.parts))
    return {
        ".".join(file.relative_to(LIB).with_suffix("").parts).removesuffix(".__init__"): file
        for file in files
    }


MODULES = modules()
ROOMS = {name for name, file in MODULES.items() if file.name == "__init__.py"} - {ROOT}


def face(room: str) -> set[str]:
    for node in ast.parse(MODULES[room].read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


FACES = {room: face(room) for room in ROOMS}


def used(file: Path) -> Iterator[str]:
    """What a file imports of the library: modules, or names of rooms, with the whole path."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if f"{alias.name}.".startswith(f"{ROOT}."))
        elif isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{ROOT}."):
            of_a_room = node.module in ROOMS
            yield from (
                f"{node.module}.{alias.name}" if of_a_room else str(node.module) for alias in node.names
            )


def hidden(user: str, name: str) -> Iterator[str]:
    """The parts of a path that are somebody else's own."""
    parts = name.split(".")
    for depth in range(2, len(parts)):
        room, part = ".".join(parts[:depth]), parts[depth]
        if room in ROOMS and not f"{user}.".startswith(f"{room}.") and part not in FACES[room]:
            yield f"{room}.{part}"


def test_nobody_uses_what_is_a_rooms_own() -> None:
    users = {**MODULES, **{file.stem: file for file in SCRIPTS.glob("*.py") if file.stem != "library"}}
    extension = (LIB / "metaflow_extensions").rglob("*.py")
    users |= {f"extension.{file.stem}": file for file in extension}
    wrong = {
        f"{user} uses {part}: name it in __all__ of its room, or use what is named there"
        for user, file in users.items()
        for name in used(file)
        for part in hidden(user, name)
    }
    assert not wrong, "\n".join(sorted(wrong))


def test_what_a_room_shows_is_there() -> None:
    for room, names in FACES.items():
        text = MODULES[room].read_text(encoding="utf-8")
        for name in names:
            assert f"{room}.{name}" in MODULES or f" {name}" in text, f"{room} has no {name}"


SAID_TO_PEOPLE = {"PackageError"}
"""A name that stands in the results of jobs: the library and the body of a step have it, for one thing."""


def defined(file: Path) -> Iterator[str]:
    """The classes and the types that a module defines for others, without the variables of types."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign) and "TypeVar" not in ast.unparse(node.value):
            yield from (name.id for name in node.targets if isinstance(name, ast.Name) and name.id.istitle())


def test_a_type_has_a_name_of_its_own() -> None:
    where: dict[str, set[str]] = defaultdict(set)
    for module, file in MODULES.items():
        for name in defined(file):
            if not name.startswith("_"):
                where[name].add(module)
    twice = {name: sorted(found) for name, found in where.items() if len(found) > 1}
    assert set(twice) <= {*SAID_TO_PEOPLE, "Modules"}, twice


TWICE = {"__init__", "history", "main"}
"""What a job runs has names of its own, beside those of two commands."""


def test_a_file_has_a_name_of_its_own() -> None:
    names = Counter(file.stem for file in MODULES.values())
    assert {name for name, times in names.items() if times > 1} <= TWICE
