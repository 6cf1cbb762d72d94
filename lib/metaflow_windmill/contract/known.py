"""Reading what a later version of this project wrote: members that this one does not know are left alone."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from metaflow_windmill.errors import InvalidDocument

if TYPE_CHECKING:
    from metaflow_windmill.types import Json


def known(kind: type, data: Json) -> dict[str, Any]:
    """Return the members of a JSON object that a dataclass has fields for.

    Raises
    ------
    InvalidDocument
        If it is no object.
    """
    if not isinstance(data, dict):
        raise InvalidDocument(f"where a {kind.__name__} should be is something else")
    names = {item.name for item in fields(kind)}
    return {key: value for key, value in data.items() if key in names}
