"""Whether a flow differs from what is deployed, and in what."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from metaflow_windmill.deploy.difference import difference

if TYPE_CHECKING:
    from metaflow_windmill.client.models import Flow
    from metaflow_windmill.types import Json

MAX_LINES = 400


def is_deployed(existing: Flow, document: Json) -> bool:
    """Return whether deploying the document would change nothing but the commit that it names."""
    return not existing.archived and _comparable(as_document(existing)) == _comparable(document)


def changes(existing: Flow | None, document: Json) -> str:
    """Return what deploying the document would change, a line for each thing."""
    before = {"modules": []} if existing is None else existing.value
    lines = [str(change) for change in difference(before, document["value"])]
    more = len(lines) - MAX_LINES
    return "\n".join([*lines[:MAX_LINES], *([f"... and {more} more changes"] if more > 0 else [])])


def as_document(flow: Flow) -> Json:
    """Return a deployed flow as the body that would create it."""
    return {
        "path": flow.path,
        "summary": flow.summary,
        "description": flow.description,
        "value": flow.value,
        "schema": flow.schema,
        "labels": list(flow.labels),
    }


def _comparable(document: Json) -> Json:
    """Return a document without what differs from one commit to the next although the flow is the same."""
    plain = copy.deepcopy(document)
    plain.pop("description", None)  # tells of the commit; all else in it follows from the flow
    record = plain["value"].get("flow_env", {}).get("metaflow", {})
    for name in ("token", "package"):
        record.pop(name, None)
    for name in ("commit", "ref"):
        (record.get("git") or {}).pop(name, None)
    plain["labels"] = sorted(plain.get("labels") or [])
    return plain
