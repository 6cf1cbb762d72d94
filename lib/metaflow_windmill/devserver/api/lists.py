"""Pages of lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow_windmill.devserver.api.call import Call

DEFAULT = 1000
LARGEST = 10_000


def page(call: Call) -> tuple[int, int]:
    """Return how many rows a request asks for, and how many come before them."""
    limit = min(max(call.integer("per_page") or DEFAULT, 1), LARGEST)
    return limit, limit * (max(call.integer("page") or 1, 1) - 1)
