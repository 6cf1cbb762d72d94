"""What this library ships for a workspace: scripts with their forms, a schedule, a route, a resource type.

The files are those of ``f/metaflow``, which ``wmill sync push`` takes to a workspace as they are;
`installing` takes them there through the API. The library itself is one of the scripts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaflow_windmill.errors import DeployError
from metaflow_windmill.workspace.installing.library import (
    NAME,
    SHIPPED,
    empty_script,
    library_files,
    library_script,
)

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

FOLDER = "metaflow"
LIBRARY = f"f/{FOLDER}/{NAME}"
FORM = ".script.yaml"
TYPE_FILE = Path(__file__).with_name("metaflow_repo.resource-type.yaml")

_HEADER = "# requirements:\n"
_NAME = r"metaflow[-_.]windmill(\[[\w,-]*\])?"
_NAMED = re.compile(rf"{_NAME}@", re.IGNORECASE)
_ON_AN_INDEX = re.compile(rf"({_NAME})?([=<>~!]=?[\w.*+!,<>=~-]+|\d[\w.!+-]*)?", re.IGNORECASE)


@dataclass(frozen=True)
class ShippedScript:
    """A script, as the body of ``scripts/create`` without the version that it follows."""

    path: str
    body: dict[str, Any]


@dataclass(frozen=True)
class Shipment:
    """All that is shipped.

    Parameters
    ----------
    scripts : tuple of ShippedScript
        The library first: the others import it.
    schedules, triggers : dict of str to JSON
        The bodies of ``schedules/create`` and ``http_triggers/create``, by path.
    types : dict of str to JSON
        The bodies of ``resources/type/create``, by name.
    """

    scripts: tuple[ShippedScript, ...]
    schedules: dict[str, Json]
    triggers: dict[str, Json]
    types: dict[str, Json]


def shipment(package: str = "") -> Shipment:
    """Return what is shipped.

    Parameters
    ----------
    package : str
        A requirement from `requirement`, which then brings the library; empty to ship the library
        that runs here with the scripts.
    """
    types = {"metaflow_repo": {"name": "metaflow_repo", **_read(TYPE_FILE)}}
    names = sorted(file.name.removesuffix(FORM) for file in SHIPPED.glob(f"*{FORM}"))
    scripts = tuple(_script(name, package) for name in sorted(names, key=lambda name: name != NAME))
    return Shipment(scripts, _bodies(".schedule.yaml"), _bodies(".http_trigger.yaml"), types)


def requirement(spec: str) -> str:
    """Return the line of ``# requirements:`` for a way to get this library.

    Parameters
    ----------
    spec : str
        The address of a wheel or of a git repository, or a wheel's path.

    Raises
    ------
    DeployError
        If it is none of these. Windmill's lines are one word, so that nothing can say in them which index
        a name is to be looked up in; and by the name alone anybody's package might come.
    """
    plain = "".join(spec.split())
    address = _NAMED.sub("", plain, count=1)
    if "://" in address:
        return f"metaflow-windmill@{address}"
    if plain.endswith(".whl") and Path(plain).is_file():
        return f"metaflow-windmill@{Path(plain).resolve().as_uri()}"
    if _ON_AN_INDEX.fullmatch(plain):
        raise DeployError(
            f"{spec!r} does not say whose package that is: on a public index, the name metaflow-windmill is "
            "another project's. Leave --package out, and the workspace gets the library that you run; or "
            "give the address of its wheel on your own index."
        )
    raise DeployError(
        f"{spec!r} is no way to get metaflow-windmill. Give the address of a wheel or of a git repository, "
        "or the path of a wheel on a disk that the workers see."
    )


def _script(name: str, package: str) -> ShippedScript:
    form, path = _read(SHIPPED / f"{name}{FORM}"), f"f/{FOLDER}/{name}"
    body = {name: value for name, value in form.items() if value is not None and name != "lock"}
    return ShippedScript(
        path, {"path": path, "content": _content(name, package), "language": "python3", **body}
    )


def _content(name: str, package: str) -> str:
    if name == NAME:
        return empty_script() if package else library_script(library_files())
    text = (SHIPPED / f"{name}.py").read_text(encoding="utf-8")
    return text.replace(_HEADER, f"{_HEADER}# {package}\n", 1) if package else text


def _bodies(ending: str) -> dict[str, Json]:
    found = {
        f"f/{FOLDER}/{file.name.removesuffix(ending)}": _read(file)
        for file in sorted(SHIPPED.glob(f"*{ending}"))
    }
    return {path: {"path": path, **body} for path, body in found.items()}


def _read(file: Path) -> dict[str, Any]:
    from metaflow._vendor import yaml

    read: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return read
