"""Whether a flow differs from what is deployed, and in what."""

from __future__ import annotations

import copy
import difflib
import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow_windmill.client.models import Flow
    from metaflow_windmill.types import Json

MAX_LINES = 400
_SHORT = 12


def is_deployed(existing: Flow, document: Json) -> bool:
    """Return whether deploying the document would change nothing but the commit that it names."""
    return not existing.archived and _comparable(as_document(existing)) == _comparable(document)


def difference(existing: Flow | None, document: Json) -> str:
    """Return what deploying the document would change, as a unified diff of readable JSON."""
    old = [] if existing is None else _lines(as_document(existing))
    diff = difflib.unified_diff(old, _lines(document), "deployed", "in git", n=2, lineterm="")
    lines = list(diff)
    more = len(lines) - MAX_LINES
    return "\n".join([*lines[:MAX_LINES], *([f"... and {more} more lines"] if more > 0 else [])])


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


def _lines(document: Json) -> list[str]:
    return json.dumps(_readable(document), indent=1, ensure_ascii=False, sort_keys=True).splitlines()


def _readable(value: Json) -> Json:
    """Return a document with the code of steps and their locks as short digests, the same in all of them."""
    if isinstance(value, dict):
        return {
            key: _digest(item) if key in {"content", "lock"} and isinstance(item, str) else _readable(item)
            for key, item in value.items()
        }
    return [_readable(item) for item in value] if isinstance(value, list) else value


def _digest(text: str) -> str:
    return f"sha256 {hashlib.sha256(text.encode()).hexdigest()[:_SHORT]}, {len(text.splitlines())} lines"
