"""What a newer server can do for a flow: the document for a Windmill of a certain release.

From 1.823 on a module says which routes of the API the tokens of its jobs open (``job_token_scopes``). A task
needs none, so a flow's steps have a token that can do nothing. From 1.830 on a job may ask whether its worker
is about to end. The numbers come from the descriptions of the API that its clients are made from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.contract.event import PUBLISH
from metaflow_windmill.contract.pack import PACK
from metaflow_windmill.errors import WindmillError

if TYPE_CHECKING:
    from metaflow_windmill.client.server_version import ServerVersion
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.types import Json

TOKENS_SCOPED = (1, 823)
WORKERS_DRAIN = (1, 830)

OF_THE_RUN = "jobs:read"
"""The start step asks when its run began and for when it was due."""
OF_THE_END = ("jobs:read", "scripts:read", "resources:run")
"""The end step asks what became of the steps, for its page, and whether a flow waits for its end."""


def for_server(value: Json, release: tuple[int, ...]) -> Json:
    """Return a flow's value with what a server of a release has a use for."""
    if release < TOKENS_SCOPED:
        return value
    start = value["modules"][0]["id"] if value.get("modules") else ""
    return _of(value, start, drains=release >= WORKERS_DRAIN)


def release_of(windmill: Windmill, version: ServerVersion | None, job: str = "") -> tuple[int, ...]:
    """Return the release of a server, as far as it can be known; ``()`` where it cannot.

    Newer servers tell a job's token no version. A route that only they have then tells enough.
    """
    if version is not None:
        return version.numbers
    try:
        windmill.worker_is_draining(job)
    except WindmillError:
        return ()
    return WORKERS_DRAIN


def scopes_of(task: Json, *, starts: bool) -> list[str] | None:
    """Return what the token of a job opens, by its input ``task``; None where it is not to be restricted.

    Flows that a job starts inherit its restriction, so the one that publishes the end of a run has none.
    What a job asks of itself, such as whether its worker is about to end, takes no scope.
    """
    if PUBLISH in task:
        return None
    specs = task.get(PACK, {}).get("steps") or [task]
    if any(spec.get("ends") for spec in specs):
        return list(OF_THE_END)
    return [OF_THE_RUN] if starts else []


def _of(part: Json, start: str, *, drains: bool) -> Json:
    if isinstance(part, list):
        return [_of(item, start, drains=drains) for item in part]
    if not isinstance(part, dict):
        return part
    inner = {
        key: value if key in ("input_transforms", "flow_env") else _of(value, start, drains=drains)
        for key, value in part.items()
    }
    return _module(inner, start, drains=drains) if "id" in inner and "value" in inner else inner


def _module(module: Json, start: str, *, drains: bool) -> Json:
    value = module["value"]
    if value.get("type") != "rawscript" or "task" not in value.get("input_transforms", {}):
        return module
    transform = value["input_transforms"]["task"]
    scopes = scopes_of(transform["value"], starts=module["id"] == start)
    if drains and not transform["value"].keys().isdisjoint({"step", PACK}):
        told = {**transform, "value": {**transform["value"], "drains": True}}
        value = {**value, "input_transforms": {**value["input_transforms"], "task": told}}
    restricted = {} if scopes is None else {"job_token_scopes": scopes}
    return {**module, "value": value, **restricted}
