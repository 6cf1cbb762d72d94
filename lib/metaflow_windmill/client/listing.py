"""Lists that Windmill gives in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from metaflow_windmill.types import Json

PAGE = 1000
"""Items on a page: the most that Windmill gives at once."""


def all_items(ask: Callable[[dict[str, str]], Json]) -> Iterator[Json]:
    """Yield the items of all pages.

    Parameters
    ----------
    ask : callable
        Takes ``page`` and ``per_page`` as a query and returns a list.
    """
    page = 1
    while items := ask({"page": str(page), "per_page": str(PAGE)}):
        yield from items
        if len(items) < PAGE:
            return
        page += 1
