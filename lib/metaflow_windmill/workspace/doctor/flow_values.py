"""What stands anywhere in the value of a deployed flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.types import Json


def objects_in(value: Json) -> Iterator[dict[str, Json]]:
    """Yield each JSON object of a flow's value, the outer ones first, but for the deployment record."""
    parts = value if isinstance(value, list) else ()
    if isinstance(value, dict):
        yield value
        parts = [part for name, part in value.items() if name != "flow_env"]
    for part in parts:
        yield from objects_in(part)
