"""Whether a flow differs from what is deployed, and in what."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from metaflow_windmill.deployment.placed.difference import as_document, difference
from metaflow_windmill.openflow import modules_in
from metaflow_windmill.openflow.rewritten import rewritten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.client.models import Flow
    from metaflow_windmill.types import Json

MAX_LINES = 400


def is_deployed(existing: Flow, document: Json) -> bool:
    """Return whether deploying the document would change nothing but the commit that it names."""
    there = _comparable(as_document(existing))
    given = {module["id"] for module in _scripts(document["value"]) if module["value"].get("lock")}
    _forget_locks(there["value"], given)
    return not existing.archived and there == _comparable(document)


def _scripts(value: Json) -> Iterator[Json]:
    """Go through the modules that hold a script, wherever in a flow they are."""
    return (module for module in modules_in(value) if module["value"].get("type") == "rawscript")


def _forget_locks(value: Json, given: set[str]) -> None:
    """Take away the locks that Windmill made, where none was given to it."""
    for module in _scripts(value):
        if module["id"] not in given:
            module["value"].pop("lock", None)


def changes(existing: Flow | None, document: Json) -> str:
    """Return what deploying the document would change, a line for each thing."""
    before = {"modules": []} if existing is None else existing.value
    lines = [str(change) for change in difference(before, document["value"])]
    more = len(lines) - MAX_LINES
    return "\n".join([*lines[:MAX_LINES], *([f"... and {more} more changes"] if more > 0 else [])])


def _comparable(document: Json) -> Json:
    """Return a document without the commit that it names and without Windmill's own way of writing."""
    plain = copy.deepcopy(document)
    plain.pop("description", None)  # tells of the commit; all else in it follows from the flow
    record = plain["value"].get("flow_env", {}).get("metaflow", {})
    for name in ("token", "package"):
        record.pop(name, None)
    for name in ("commit", "ref"):
        (record.get("git") or {}).pop(name, None)
    plain["labels"] = sorted(plain.get("labels") or [])
    return {**plain, "value": rewritten(plain["value"])}
