"""Fills in ``$var:<path>`` and ``$res:<path>`` wherever they stand in a JSON value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol

from metaflow_windmill.devserver.refusals import bad_request, not_found

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

DEEPEST = 10
"""Resources that a chain of references may pass; more of them is a circle."""


class ReferenceSource(Protocol):
    """Where the values of references come from; None where there is no such item."""

    def variable(self, path: str) -> str | None:
        """Return a variable's text."""

    def resource(self, path: str) -> Json:
        """Return a resource's value, its own references not filled in."""


def fill_in(value: Json, source: ReferenceSource, depth: int = 0) -> Json:
    """Return a value with its references filled in.

    Raises
    ------
    RequestRefused
        If a reference names nothing, or resources name each other in a circle.
    """
    if isinstance(value, dict):
        return {key: fill_in(inner, source, depth) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill_in(inner, source, depth) for inner in value]
    if isinstance(value, str) and value.startswith("$"):
        return _referred(value, source, depth)
    return value


def _referred(text: str, source: ReferenceSource, depth: int) -> Json:
    kind, colon, path = text.partition(":")
    if not colon or kind not in ("$var", "$jsonvar", "$res"):
        return text
    if kind == "$res":
        return _resource(path, source, depth)
    found = source.variable(path)
    if found is None:
        raise not_found(f"Variable {path} not found")
    return json.loads(found) if kind == "$jsonvar" else found


def _resource(path: str, source: ReferenceSource, depth: int) -> Json:
    if depth >= DEEPEST:
        raise bad_request(f"Resource {path} refers to itself through others; break the circle")
    found = source.resource(path)
    if found is None:
        raise not_found(f"Resource {path} not found")
    return fill_in(found, source, depth + 1)
