"""Environment variables of the tasks whose values are in Windmill, as references and never as values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.errors import DeployError
from metaflow_windmill.runtime.child.task_environment import OWN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.types import Json

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATH = re.compile(r"[uf](/[A-Za-z0-9_-]+){2,}")
_KEPT = ("WM_", "METAFLOW_WINDMILL_", "METAFLOW_DATASTORE_SYSROOT_")


@dataclass(frozen=True)
class Secret:
    """What gets its value from a variable of Windmill, or a field of a resource.

    Parameters
    ----------
    name : str
        The environment variable, or the option that it is the value of.
    path : str
    field : str or None
        None for a variable.
    """

    name: str
    path: str
    field: str | None = None

    @property
    def reference(self) -> Json:
        """What stands in the deployed flow; Windmill fills it in when a job begins."""
        if self.field is None:
            return f"$var:{self.path}"
        return {"resource": f"$res:{self.path}", "field": self.field}


def read_secrets(options: Iterable[str]) -> tuple[Secret, ...]:
    """Read options such as ``NAME=f/folder/variable`` and ``NAME=f/folder/resource#field``.

    Raises
    ------
    DeployError
        If one of them is none.
    """
    found: dict[str, Secret] = {}
    for option in options:
        secret = _read(option)
        if secret.name in found:
            raise DeployError(f"--secret {secret.name} is given twice; name each variable once")
        found[secret.name] = secret
    return tuple(found.values())


def check_secrets(windmill: Windmill, secrets: Iterable[Secret]) -> None:
    """See to it that all of them are there; their values are not asked for.

    Raises
    ------
    DeployError
        With the names of those that are not.
    """
    missing = [secret for secret in secrets if not _exists(windmill, secret)]
    if missing:
        named = ", ".join(f"{secret.path} (for {secret.name})" for secret in missing)
        raise DeployError(
            f"the workspace {windmill.workspace} has no variable or resource {named}, or you may not read "
            "it; make it in Windmill first, or correct "
            f"{', '.join(sorted({_option(secret) for secret in missing}))}"
        )


def read_path(place: str) -> tuple[str, str | None] | None:
    """Read ``f/folder/variable`` or ``f/folder/resource#field``; None if it is neither."""
    path, hash_, field = place.removeprefix("$var:").removeprefix("$res:").partition("#")
    return (path, field or None) if _PATH.fullmatch(path) and bool(hash_) == bool(field) else None


def _read(option: str) -> Secret:
    name, equals, place = option.partition("=")
    found = read_path(place)
    if not (equals and _NAME.fullmatch(name)) or found is None:
        raise DeployError(
            f"--secret takes NAME=f/folder/variable or NAME=f/folder/resource#field, not {name[:40]!r}=...; "
            "the value itself stays in Windmill"
        )
    if name.startswith(_KEPT):
        raise DeployError(f"--secret cannot set {name}: names that begin with {' or '.join(_KEPT)} are taken")
    if name in OWN:
        raise DeployError(f"--secret cannot set {name}: every task sets it by itself, from what was deployed")
    return Secret(name, *found)


def _option(secret: Secret) -> str:
    return secret.name if secret.name.startswith("--") else "--secret"


def _exists(windmill: Windmill, secret: Secret) -> bool:
    return windmill.exists("variables" if secret.field is None else "resources", secret.path)
