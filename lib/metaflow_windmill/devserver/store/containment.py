"""Whether one JSON value contains another, as the operator ``@>`` of PostgreSQL's ``jsonb`` has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow_windmill.types import Json


def contains(whole: Json, part: Json) -> bool:
    """Tell whether all of a part is in a value: each of its members and, in any order, each of its items.

    >>> contains({"a": [1, {"b": 2, "c": 3}]}, {"a": [{"c": 3}]})
    True
    >>> contains(["x", "y"], "y")
    True
    """
    if isinstance(whole, list) and not isinstance(part, (list, dict)):
        return any(_holds(item, part) for item in whole)  # of the outermost list alone
    return _holds(whole, part)


def _holds(whole: Json, part: Json) -> bool:
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(key in whole and _holds(whole[key], value) for key, value in part.items())
    if isinstance(whole, list) and isinstance(part, list):
        return all(any(_holds(item, wanted) for item in whole) for wanted in part)
    return isinstance(whole, bool) == isinstance(part, bool) and bool(whole == part)
