"""Brings what is shipped to a workspace through the API: a list of changes first, then each of them.

Scripts and the resource type follow this version. A schedule and a route are made where they are
missing and left alone where they are: whether they are on, and for what, is the workspace's own.
"""

from __future__ import annotations

import difflib
import json
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from metaflow_windmill.client.calls import Calls
from metaflow_windmill.client.transport import Request
from metaflow_windmill.client.windmill import Windmill
from metaflow_windmill.errors import DeployError, NotFound
from metaflow_windmill.workspace.installing.library import without_archive
from metaflow_windmill.workspace.installing.locks import lock_of
from metaflow_windmill.workspace.installing.script_scopes import FIELD
from metaflow_windmill.workspace.installing.shipped import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from metaflow_windmill.client.transport import Transport
    from metaflow_windmill.types import Json
    from metaflow_windmill.workspace.installing.locks import Lock
    from metaflow_windmill.workspace.installing.shipped import Shipment, ShippedScript

ItemKind = Literal["folder", "resource type", "script", "schedule", "HTTP route"]

LOCK_SECONDS = 600.0
_TICK = 0.2
_COMPARED = ("summary", "description", "schema", "kind", "timeout", "labels")
_EMPTY: tuple[Json, ...] = ("", None, [], {})


@dataclass(frozen=True)
class InstallStep:
    """One change.

    Parameters
    ----------
    kind : ItemKind
    path : str
    request : Request
    diff : str
        What changes, for a person; of something new, nothing.
    again : bool
        Whether nothing changes, and only its packages are looked for once more.
    """

    kind: ItemKind
    path: str
    request: Request
    diff: str = ""
    again: bool = False

    @property
    def summary(self) -> str:
        """Return the change in one line."""
        if self.again:
            return f"install the packages of {self.kind} {self.path} again, which failed"
        return f"{'change' if self.diff else 'add'} {self.kind} {self.path}"


class Installer(Calls):
    """Installs into one workspace.

    Parameters
    ----------
    transport : Transport
    workspace : str
    """

    def __init__(self, transport: Transport, workspace: str) -> None:
        super().__init__(transport, workspace)
        self._windmill = Windmill(transport, workspace)

    def plan(self, shipment: Shipment) -> list[InstallStep]:
        """Return what is to be done, in order; nothing is changed yet.

        Raises
        ------
        WindmillError
            If the workspace cannot be read.
        """
        return [
            *self._folder(),
            *self._types(shipment),
            *(step for script in shipment.scripts for step in self._script(script)),
            *self._missing("schedule", "schedules", shipment.schedules),
            *self._missing("HTTP route", "http_triggers", shipment.triggers),
        ]

    def carry_out(self, steps: list[InstallStep], say: Callable[[str], None]) -> None:
        """Do what was planned, saying so; a second try does what is left.

        Raises
        ------
        DeployError
            If the workers cannot install what a script requires.
        WindmillError
            If Windmill refuses a change; those before it stay.
        """
        for step in steps:
            self._answer(step.request, creates=True)
            say(f"done: {step.summary}")
        self.wait([step.path for step in steps if step.kind == "script"])

    def wait(self, paths: Iterable[str]) -> None:
        """Wait until the workers can run these scripts: until then a run gets a version before, if any.

        Raises
        ------
        DeployError
            If the packages of some cannot be installed, with the end of what Windmill said.
        WindmillError
            If the workspace cannot be read.
        """
        hashes = {path: str(self._get(f"scripts/get/p/{quote(path)}")["hash"]) for path in paths}
        deadline = time.monotonic() + LOCK_SECONDS
        locks = {path: self._lock(path, hash_, deadline) for path, hash_ in hashes.items()}
        failed = {path: lock.said for path, lock in locks.items() if lock.state == "failed"}
        if failed:
            raise DeployError(
                f"{', '.join(failed)} cannot be run: the workers cannot install what they need. Correct the "
                "workers' access to packages, or give another --package, and install again. Windmill said: "
                f"{next(iter(failed.values()))}"
            )

    def _folder(self) -> Iterator[InstallStep]:
        if self._get(f"folders/exists/{FOLDER}") is not True:
            body = {"name": FOLDER, "summary": "Metaflow on Windmill"}
            made_it = partial(self._is_there, f"folders/exists/{FOLDER}")
            yield InstallStep("folder", f"f/{FOLDER}", self._posting("folders/create", body, made_it))

    def _types(self, shipment: Shipment) -> Iterator[InstallStep]:
        for name, body in shipment.types.items():
            found = self._find(f"resources/type/get/{name}")
            if found is None:
                made_it = partial(self._is_there, f"resources/type/exists/{name}")
                yield InstallStep(
                    "resource type", name, self._posting("resources/type/create", body, made_it)
                )
                continue
            diff = _difference(
                _picked(found, ("schema", "description")), _picked(body, ("schema", "description"))
            )
            if diff:
                new = _picked(body, ("schema", "description"))
                request = self._posting(f"resources/type/update/{name}", new, repeatable=True)
                yield InstallStep("resource type", name, request, diff)

    def _script(self, script: ShippedScript) -> Iterator[InstallStep]:
        found = self._find(f"scripts/get/p/{quote(script.path)}")
        if found is None or found.get("archived"):
            # An archived script is no parent: its path is free.
            made_it = partial(self._is_newer, script, None)
            yield InstallStep("script", script.path, self._posting("scripts/create", script.body, made_it))
            return
        texts = (without_archive(found["content"]), without_archive(script.body["content"]))
        diff = _text_difference(*texts) + _difference(
            _picked(found, _COMPARED), _picked(script.body, _COMPARED)
        )
        if FIELD in script.body:
            diff += _difference(found.get(FIELD), script.body[FIELD])
        body = {**script.body, "parent_hash": found["hash"]}
        request = self._posting("scripts/create", body, partial(self._is_newer, script, found["hash"]))
        if diff:
            yield InstallStep("script", script.path, request, diff)
        elif lock_of(self._windmill, found["hash"]).state == "failed":
            yield InstallStep("script", script.path, request, again=True)

    def _is_newer(self, script: ShippedScript, than: str | None) -> bool:
        """Tell whether a script is there as it is shipped, in another version than one."""
        found = self._find(f"scripts/get/p/{quote(script.path)}")
        if found is None or found.get("archived") or found["hash"] == than:
            return False
        return bool(found["content"].rstrip() == script.body["content"].rstrip())

    def _missing(self, kind: ItemKind, route: str, bodies: dict[str, Json]) -> Iterator[InstallStep]:
        for path, body in bodies.items():
            if self._get(f"{route}/exists/{quote(path)}") is not True:
                made_it = partial(self._is_there, f"{route}/exists/{quote(path)}")
                yield InstallStep(kind, path, self._posting(f"{route}/create", body, made_it))

    def _lock(self, path: str, hash_: str, deadline: float) -> Lock:
        """Return what became of a version's lock, once that is known."""
        while (lock := lock_of(self._windmill, hash_)).state == "preparing":
            if time.monotonic() > deadline:
                raise DeployError(
                    f"No worker prepared {path} within {LOCK_SECONDS:.0f} seconds. Is one running?"
                )
            time.sleep(_TICK)
        return lock

    def _find(self, tail: str) -> Json:
        try:
            return self._get(tail)
        except NotFound:
            return None

    def _is_there(self, tail: str) -> bool:
        return self._get(tail) is True

    def _posting(
        self, tail: str, body: Json, done: Callable[[], bool] | None = None, *, repeatable: bool = False
    ) -> Request:
        return Request("POST", self._path(tail), body=body, done=done, repeatable=repeatable)


def _picked(body: Json, names: tuple[str, ...]) -> dict[str, Json]:
    return {name: body[name] for name in names if body.get(name) not in _EMPTY}


def _difference(old: Json, new: Json) -> str:
    texts = (json.dumps(item, indent=1, sort_keys=True, ensure_ascii=False) for item in (old, new))
    return _text_difference(*texts)


def _text_difference(old: str, new: str) -> str:
    lines = difflib.unified_diff(
        old.splitlines(), new.splitlines(), "in the workspace", "shipped", n=1, lineterm=""
    )
    return "".join(f"{line}\n" for line in lines)
