"""HTML that cannot be injected into: whatever is not markup already is escaped where it enters."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from collections.abc import Sequence

Content = Union["Markup", str, int, float, None]


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})
"""Elements without an end."""


def text(content: Content) -> Markup:
    """Return content as HTML; nothing for None."""
    if isinstance(content, Markup):
        return content
    return Markup("" if content is None else html.escape(str(content)))


def tag(name: str, *content: Content, **attributes: Content) -> Markup:
    """Return an element.

    Names of attributes may end with ``_`` (``class_``); inside of them it stands for ``-`` (``data_since``).
    An attribute that is None or False is left out.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(content)}</{name}>")


def join(parts: Sequence[Content]) -> Markup:
    """Return parts one after the other."""
    return Markup("".join(text(part) for part in parts))


def _attribute(key: str, value: Content) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(str(value), quote=True)}"'
