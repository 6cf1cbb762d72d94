"""What ``list_runs()`` and ``list_deployed_flows()`` return: iterators that show what is still to come."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Generic, TypeVar

from metaflow_windmill.cli.deployer.notebook import link
from metaflow_windmill.errors import MetaflowWindmillError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Told = TypeVar("Told")
Item = TypeVar("Item")

SHOWN = 20
"""How many items are shown: as many as `list-runs` prints."""


@dataclass(frozen=True)
class Showing(Generic[Told]):
    """How the items of a listing are shown; `page` is the address that the first cell is a link to."""

    title: str
    heads: Sequence[str]
    row: Callable[[Told], Sequence[str]]
    page: Callable[[Told], str]


class Listing(Iterator[Item], Generic[Told, Item]):
    """An iterator that asks for each item when it is needed, with a `repr` and a table for notebooks.

    Both show what was not taken yet, and take nothing. They ask Windmill for the first items; where it
    cannot be asked, they show the title, and the error is raised where the next item is taken.

    Parameters
    ----------
    told : iterator
        What Windmill tells of each item.
    make : callable
        Makes an item of that.
    showing : Showing
    """

    def __init__(self, told: Iterator[Told], make: Callable[[Told], Item], showing: Showing[Told]) -> None:
        self._told, self._make, self._showing = told, make, showing
        self._ahead: deque[Told] = deque()
        self._error: MetaflowWindmillError | None = None

    def __next__(self) -> Item:
        if not self._ahead and self._error is not None:
            error, self._error = self._error, None
            raise error
        return self._make(self._ahead.popleft() if self._ahead else next(self._told))

    def __repr__(self) -> str:
        rows = ["  ".join(self._showing.row(told)).rstrip() for told in self._first()]
        return "\n  ".join((f"<{self._heading()}>", *rows))

    def _repr_html_(self) -> str:
        """Return what a notebook shows: a table, with links to the pages."""
        rows = "".join(f"<tr>{self._cells(told)}</tr>" for told in self._first())
        heading = escape(self._heading())
        if not rows:
            return f"<p>{heading}</p>"
        heads = "".join(f"<th>{escape(head)}</th>" for head in self._showing.heads)
        return f"<table><caption>{heading}</caption><tr>{heads}</tr>{rows}</table>"

    def _cells(self, told: Told) -> str:
        first, *rest = self._showing.row(told)
        cells = (link(self._showing.page(told), first), *map(escape, rest))
        return "".join(f"<td>{cell}</td>" for cell in cells)

    def _first(self) -> list[Told]:
        """Return the next items without taking them."""
        self._look_ahead()
        return list(self._ahead)[:SHOWN]

    def _look_ahead(self) -> None:
        try:
            while len(self._ahead) <= SHOWN and self._error is None:
                self._ahead.append(next(self._told))
        except StopIteration:
            return
        except MetaflowWindmillError as why:
            self._error = why

    def _heading(self) -> str:
        self._look_ahead()
        return f"{self._showing.title}: {self._count()}"

    def _count(self) -> str:
        """Return how many there are, as far as it is known."""
        if len(self._ahead) > SHOWN:
            return f"the first {SHOWN}"
        if self._error is not None:
            return f"{len(self._ahead)}, then Windmill could not be asked"
        return str(len(self._ahead)) if self._ahead else "none"
