"""A workspace as files, as ``wmill sync`` compares them with those of a folder.

Windmill 1.788 leaves out what differs between two workspaces with the same content: who made
something and when, its path and its number.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.catalog import (
    flows,
    folders,
    resources,
    schedules,
    scripts,
    triggers,
    variables,
)
from metaflow_windmill.devserver.catalog.path_rows import Selection

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from metaflow_windmill.types import Json

MOST = 1_000_000
ENDINGS = {"python3": "py", "bash": "sh", "deno": "deno.ts", "bun": "ts", "nativets": "fetch.ts"}

_LEFT_OUT = frozenset({
    *("workspace", "workspace_id", "path", "name", "versions", "id", "hash", "version_id", "archived"),
    *("created_at", "updated_at", "created_by", "updated_by", "edited_at", "edited_by", "permissioned_as"),
    *("on_behalf_of", "starred", "default_permissioned_as", "is_draft", "error"),
})  # fmt: skip
_OF_A_SCRIPT = ("summary", "description", "schema", "lock", "kind", "envs", "tag", "timeout", "labels")
_OF_A_FLOW = ("summary", "description", "value", "schema", "tag", "labels")


@dataclass(frozen=True)
class ExportedKinds:
    """Which kinds of things are exported besides folders, scripts and flows."""

    types: bool = True
    resources: bool = True
    variables: bool = True
    secrets: bool = True
    schedules: bool = False
    triggers: bool = False


def exported(connection: sqlite3.Connection, workspace: str, wanted: ExportedKinds) -> dict[str, str]:
    """Return the text of each file by its name. A secret variable comes without its value."""
    return dict(_files(connection, workspace, wanted))


def _files(
    connection: sqlite3.Connection, workspace: str, wanted: ExportedKinds
) -> Iterator[tuple[str, str]]:
    for folder in folders.listed(connection, workspace):
        yield f"f/{folder['name']}/folder.meta.json", _text(folder)
    for item in scripts.listed(connection, workspace, Selection(limit=MOST)):
        yield from _script(scripts.get(connection, workspace, item["path"]))
    for item in flows.listed(connection, workspace, Selection(limit=MOST)):
        flow = flows.get(connection, workspace, item["path"])
        yield f"{item['path']}.flow.json", _text({name: flow[name] for name in _OF_A_FLOW if flow.get(name)})
    if wanted.types:
        for item in resources.types(connection, workspace):
            yield f"{item['name']}.resource-type.json", _text(item)
    if wanted.resources:
        for item in resources.listed(connection, workspace):
            yield (
                f"{item['path']}.resource.json",
                _text(resources.get(connection, workspace, item["path"]), "extra_perms"),
            )
    if wanted.variables:
        for item in variables.listed(connection, workspace):
            if wanted.secrets or not item["is_secret"]:
                yield f"{item['path']}.variable.json", _text(item, "extra_perms")
    yield from _timed(connection, workspace, wanted)


def _timed(
    connection: sqlite3.Connection, workspace: str, wanted: ExportedKinds
) -> Iterator[tuple[str, str]]:
    if wanted.schedules:
        for item in schedules.listed(connection, workspace):
            shown = {name: value for name, value in item.items() if value is not None}
            yield f"{item['path']}.schedule.json", _text(shown, "extra_perms")
    if wanted.triggers:
        for item in triggers.listed(connection, workspace):
            labels = () if item.get("labels") else ("labels",)
            yield f"{item['path']}.http_trigger.json", _text(item, "extra_perms", "email", *labels)


def _script(script: Json) -> Iterator[tuple[str, str]]:
    path, language = script["path"], script["language"]
    yield f"{path}.{ENDINGS.get(language, language)}", script["content"]
    kept = {name: script[name] for name in _OF_A_SCRIPT if script.get(name) is not None}
    if script.get("has_preprocessor"):
        kept["has_preprocessor"] = True
    yield f"{path}.script.json", json.dumps({"lock": None, **kept}, indent=2, ensure_ascii=False)


def _text(shown: Json, *more: str) -> str:
    left_out = _LEFT_OUT.union(more)
    kept = {name: value for name, value in shown.items() if name not in left_out}
    return json.dumps(kept, indent=2, ensure_ascii=False)
