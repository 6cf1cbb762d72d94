"""What this library ships for a workspace: scripts with their forms, a schedule, a route, a resource type.

The files are those of ``f/metaflow``, which ``wmill sync push`` takes to a workspace as they are;
`installing` takes them there through the API.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaflow_windmill.errors import DeployError

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

FOLDER = "metaflow"
FORM = ".script.yaml"
DATA = Path(__file__).with_name("f_metaflow")
TYPE_FILE = Path(__file__).with_name("metaflow_repo.resource-type.yaml")

_REQUIREMENT = re.compile(r"^# ?metaflow-windmill$", re.MULTILINE)
_VERSION = re.compile(r"\d[\w.!+-]*")


@dataclass(frozen=True)
class Script:
    """A script, as the body of ``scripts/create`` without the version that it follows."""

    path: str
    body: dict[str, Any]


@dataclass(frozen=True)
class Shipment:
    """All that is shipped.

    Parameters
    ----------
    scripts : tuple of Script
    schedules, triggers : dict of str to JSON
        The bodies of ``schedules/create`` and ``http_triggers/create``, by path.
    types : dict of str to JSON
        The bodies of ``resources/type/create``, by name.
    """

    scripts: tuple[Script, ...]
    schedules: dict[str, Json]
    triggers: dict[str, Json]
    types: dict[str, Json]


def shipment(package: str) -> Shipment:
    """Return what is shipped, the scripts requiring this library in the given way.

    Parameters
    ----------
    package : str
        From `requirement`.
    """
    types = {"metaflow_repo": {"name": "metaflow_repo", **_read(TYPE_FILE)}}
    scripts = tuple(_script(form, package) for form in sorted(DATA.glob(f"*{FORM}")))
    return Shipment(scripts, _bodies(".schedule.yaml"), _bodies(".http_trigger.yaml"), types)


def requirement(spec: str) -> str:
    """Return the line of ``# requirements:`` for a way to get this library.

    Parameters
    ----------
    spec : str
        A version, a requirement of PyPI, the address of a wheel or of a git repository, or a wheel's
        path; empty for this very version.

    Raises
    ------
    DeployError
        If Windmill could not take it: a line is one word without blanks.
    """
    from metaflow_windmill import __version__

    plain = "".join(spec.split()) or __version__
    if _VERSION.fullmatch(plain):
        return f"metaflow-windmill=={plain}"
    if re.match(r"metaflow[-_.]windmill([=<>~!@\[].*)?$", plain, re.IGNORECASE):
        return plain
    if "://" in plain:
        return f"metaflow-windmill@{plain}"
    if plain.endswith(".whl") and Path(plain).is_file():
        return f"metaflow-windmill@{Path(plain).resolve().as_uri()}"
    raise DeployError(
        f"{spec!r} is no way to get metaflow-windmill. Give a version, a requirement such as "
        "'metaflow-windmill>=0.1', the address of a wheel or of a git repository, or the path of a wheel."
    )


def _script(form_file: Path, package: str) -> Script:
    form, name = _read(form_file), form_file.name.removesuffix(FORM)
    file, path = form_file.with_name(f"{name}.py"), f"f/{FOLDER}/{name}"
    content, found = _REQUIREMENT.subn(f"# {package}", file.read_text(encoding="utf-8"), count=1)
    if not found:
        raise DeployError(f"{file.name} does not require metaflow-windmill; this installation is damaged.")
    body = {name: value for name, value in form.items() if value is not None and name != "lock"}
    return Script(path, {"path": path, "content": content, "language": "python3", **body})


def _bodies(ending: str) -> dict[str, Json]:
    found = {
        f"f/{FOLDER}/{file.name.removesuffix(ending)}": _read(file)
        for file in sorted(DATA.glob(f"*{ending}"))
    }
    return {path: {"path": path, **body} for path, body in found.items()}


def _read(file: Path) -> dict[str, Any]:
    from metaflow._vendor import yaml

    read: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return read
