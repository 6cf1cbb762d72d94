"""A flow's value as Windmill shows it: what it kept is not letter for letter what it was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

BRANCH = {"expr": "", "skip_failure": True, "parallel": True}
"""What a branch without them has, of a choice as well; seen on Windmill 1.788."""

HIDDEN_WHEN_FALSE = ("same_worker", "preserve_step_tags")


def rewritten(value: Json) -> Json:
    """Return a flow's value as Windmill 1.788 writes it anew, once it has looked at its locks.

    Limits of time become transforms, a branch has all of its members, and a few that say nothing are gone.
    """
    kept = {name: item for name, item in value.items() if item is not False or name not in HIDDEN_WHEN_FALSE}
    return {**kept, "modules": _modules(value["modules"])} if "modules" in value else kept


def _modules(modules: list[Json]) -> list[Json]:
    return [_module(module) for module in modules]


def _module(module: Json) -> Json:
    found = dict(module)
    if isinstance(found.get("timeout"), int):
        found["timeout"] = {"type": "static", "value": found["timeout"]}
    if isinstance(found.get("value"), dict):
        found["value"] = _body(found["value"])
    return found


def _body(body: Json) -> Json:
    found = dict(body)
    if found.get("type") == "whileloopflow":
        found.pop("parallel", None)
    for name in ("modules", "default"):
        if name in found:
            found[name] = _modules(found[name])
    if "branches" in found:
        found["branches"] = [_branch(branch) for branch in found["branches"]]
    return found


def _branch(branch: Json) -> Json:
    return {**BRANCH, **branch, "modules": _modules(branch["modules"])}
