"""Bodies of requests: JSON objects whose fields are of the kinds that their names say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from metaflow_windmill.devserver.refusals import unprocessable
from metaflow_windmill.errors import RequestRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from metaflow_windmill.types import Json


class FieldType(NamedTuple):
    """What a field must be: in words, and as a test."""

    words: str
    holds: Callable[[Any], bool]


def _is_texts(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


TEXT = FieldType("a text", lambda value: isinstance(value, str))
FLAG = FieldType("true or false", lambda value: isinstance(value, bool))
WHOLE = FieldType("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool))
OBJECT = FieldType("an object", lambda value: isinstance(value, dict))
TEXTS = FieldType("a list of texts", _is_texts)
LINES = FieldType("a text or a list of texts", lambda value: isinstance(value, str) or _is_texts(value))

_TEXTS = """
    path name id summary description content language kind tag parent_hash resource_type schedule timezone
    script_path route_path http_method request_type authentication_method authentication_resource_path mode
    reason expiration label email impersonate_email workspace_id display_name owner deployment_message
    paused_until trigger_path
"""
_FLAGS = """
    is_secret is_flow enabled archived auto_parent no_flow_overlap wrap_body raw_string workspaced_route
    is_admin operator
"""

KINDS: dict[str, FieldType] = {
    **dict.fromkeys(_TEXTS.split(), TEXT),
    **dict.fromkeys(_FLAGS.split(), FLAG),
    **dict.fromkeys(("labels", "owners", "envs", "scopes", "job_token_scopes"), TEXTS),
    **dict.fromkeys(("args", "schema", "extra_perms"), OBJECT),
    "timeout": WHOLE,
    "lock": LINES,
}
"""What the fields of all requests are; one that may be something else says so where it is read."""


def read_json(body: bytes) -> Json:
    """Read a body that must be JSON.

    Raises
    ------
    RequestRefused
        400 if it is not.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as fault:
        raise RequestRefused(f"Failed to parse the request body as JSON: {fault}", 400) from fault


def read_fields(body: bytes, required: Iterable[str], kinds: Mapping[str, FieldType]) -> dict[str, Json]:
    """Read a body that must be an object.

    Parameters
    ----------
    body : bytes
    required : iterable of str
        Fields that must be there; all others may be absent or null.
    kinds : mapping
        What fields are where `KINDS` does not say it.

    Raises
    ------
    RequestRefused
        400 if the body is not JSON; 422 if it is not an object, or a field is absent or of another kind.
    """
    read = read_json(body)
    if not isinstance(read, dict):
        raise unprocessable("the body is not an object")
    for name in required:
        if read.get(name) is None:
            raise unprocessable(f"missing field `{name}`")
    for name, kind in {**KINDS, **kinds}.items():
        if read.get(name) is not None and not kind.holds(read[name]):
            raise unprocessable(f"{name}: expected {kind.words}, got {json.dumps(read[name])[:80]}")
    return read
