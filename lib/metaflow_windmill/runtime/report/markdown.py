"""Markdown that every page of Windmill shows: CommonMark alone, since a result's page knows no tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDEST = 160
"""Characters of a cell."""

_LINK = re.compile(r"\]\((?!\s*(?:https?://|data:image/(?:png|jpe?g|gif|webp);base64,))", re.IGNORECASE)
_AUTOLINK = re.compile(r"<(?=(?!https?:)[A-Za-z][A-Za-z0-9+.-]*:)", re.IGNORECASE)
_MARKS = re.compile(r"([\\`*_\[\]<>#!|~])")


def fenced(text: str, language: str = "text") -> str:
    """Return a text that is shown as it is."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def plain(text: str) -> str:
    """Return a text that stands in a paragraph as it is."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


def harmless(markdown: str) -> str:
    """Return somebody's Markdown without links to anywhere but the web: a link may be a program."""
    return _AUTOLINK.sub("< ", _LINK.sub("] (", markdown).replace("]:", "] :"))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: str = "") -> str:
    """Return aligned columns.

    Parameters
    ----------
    heads : sequence of str
    rows : sequence of sequences of str
    right : str
        For each column ``>`` where it is aligned to the right, any other letter else.
    """
    cells = [[_cell(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    lines = ("  ".join(_aligned(row, widths, right)).rstrip() for row in cells)
    return fenced("\n".join(lines))


def _cell(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 3]}..."


def _aligned(row: list[str], widths: list[int], right: str) -> list[str]:
    return [
        cell.rjust(width) if right[column : column + 1] == ">" else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
