"""What stands anywhere in the value of a flow, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.types import Json

_FREE = frozenset({"flow_env", "input_transforms"})


def objects_in(value: Json) -> Iterator[dict[str, Json]]:
    """Yield each JSON object of a flow's value, the outer ones first.

    The deployment record and what is handed to steps are left out: they hold what anybody likes.
    """
    parts = value if isinstance(value, list) else ()
    if isinstance(value, dict):
        yield value
        parts = [part for name, part in value.items() if name not in _FREE]
    for part in parts:
        yield from objects_in(part)


def modules_in(value: Json) -> Iterator[dict[str, Json]]:
    """Yield each module of a flow's value, at any depth."""
    named = (found for found in objects_in(value) if isinstance(found.get("id"), str))
    return (found for found in named if isinstance(found.get("value"), dict))


def scripts_in(value: Json) -> Iterator[dict[str, Json]]:
    """Yield each script that stands in a flow's value: the value of its module."""
    return (found for found in objects_in(value) if found.get("type") == "rawscript")
