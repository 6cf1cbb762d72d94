"""A value as a short text, whatever it is; what a class says of itself is asked where it can do no harm."""

from __future__ import annotations

from itertools import islice
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from metaflow_windmill.runtime.output.masking import Mask

LONGEST = 160
"""Characters of a text."""

_READ = 10_000
"""Characters of what a class says of itself, or of a text, that are looked at."""
_ITEMS, _LEVELS, _BITS, _NUMBERS = 6, 3, 512, 8
_PLAIN = (bool, int, float, complex, type(None))
_BRACKETS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("{", "}"),
}


def shown(value: object, mask: Mask) -> str:
    """Return a value as a text of one line; what is secret in it is masked before anything is cut."""
    text = " ".join(mask.text(_text(value, mask, 0)).split())
    return "".join(letter if letter.isprintable() else "?" for letter in _cut(text))


def is_plain(value: object) -> bool:
    """Tell whether no class of anybody else's is asked to show the value, at its outermost level."""
    return type(value) in {*_PLAIN, str, bytes, dict, *_BRACKETS}


def _text(value: object, mask: Mask, level: int) -> str:
    kind = type(value)
    if isinstance(value, int) and kind is int and value.bit_length() > _BITS:
        return f"an integer of {value.bit_length()} bits"
    if kind in _PLAIN:
        return repr(value)
    if isinstance(value, str) and kind is str:
        return _quoted(mask.text(value[:_READ]))
    if isinstance(value, bytes) and kind is bytes:
        return repr(mask.data(value[:_READ])[:LONGEST])
    if isinstance(value, dict) and kind is dict:
        return _dict(value, mask, level)
    if isinstance(value, (list, tuple, set, frozenset)) and kind in _BRACKETS:
        return _items(value, mask, level)
    return _other(value)


def _quoted(text: str) -> str:
    return repr(text) if len(text) <= LONGEST else f"{repr(text[:LONGEST])[:-1]}..."


def _items(value: Collection[object], mask: Mask, level: int) -> str:
    start, end = _BRACKETS[type(value)]
    return _within(start, end, value, len(value), level, lambda item: _text(item, mask, level + 1))


def _dict(value: dict[object, object], mask: Mask, level: int) -> str:
    def pair(item: tuple[object, object]) -> str:
        return f"{_text(item[0], mask, level + 1)}: {_text(item[1], mask, level + 1)}"

    return _within("{", "}", value.items(), len(value), level, pair)


def _within(  # noqa: PLR0917
    start: str, end: str, items: Iterable[object], size: int, level: int, text: Callable[..., str]
) -> str:
    if level == _LEVELS:
        return f"{start}...{end}"
    more = f", ... {size} in all" if size > _ITEMS else ""
    return start + ", ".join(map(text, islice(items, _ITEMS))) + more + end


def _other(value: object) -> str:
    """Ask a class: for its shape, where it has many numbers, else for its own text."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and all(isinstance(size, int) for size in shape) and prod(shape) > _NUMBERS:
        dtype = getattr(value, "dtype", None)
        return " x ".join(map(str, shape)) + (f" of {dtype}" if dtype is not None else "")
    if type(value).__repr__ is object.__repr__:
        return ""  # where it is in memory says nothing
    return repr(value)[:_READ]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
