"""JSON as Windmill keeps it, which is as PostgreSQL's ``jsonb`` does.

The keys of an object are ordered by length, then by bytes; a number without a fraction has no exponent.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

ORDERED_BELOW = 1_000_000
"""Characters up to which keys are put in order; the order of a larger document stays as it came."""


def dump(value: Json) -> str:
    """Write a value as compact JSON, its keys in Windmill's order, ``1e21`` as a one with its zeros.

    NaN and the infinities become null, as no JSON document can hold them.
    """
    try:
        text = _compact(value)
    except ValueError:
        value = _finite(value)
        text = _compact(value)
    return text if len(text) > ORDERED_BELOW or not _may_differ(text) else _compact(_ordered(value))


def as_it_came(value: Json, kept: str) -> str | None:
    """Return the text of a value with its keys as they came; None where it is kept that way.

    What a job hands to the module after it stays as the job wrote it; whoever asks later gets what is kept.

    Parameters
    ----------
    value : JSON value
    kept : str
        What `dump` made of it.
    """
    if len(kept) > ORDERED_BELOW or "{" not in kept:
        return None
    text = _compact(_finite(value))
    return None if text == kept else text


def _may_differ(text: str) -> bool:
    """Tell whether a text may hold an object, or a number with an exponent."""
    return "{" in text or "e" in text.lower()


def _compact(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _ordered(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=_rank)}
    if isinstance(value, (list, tuple)):
        return [_ordered(item) for item in value]
    if isinstance(value, float) and "e+" in repr(value):
        return int(Decimal(repr(value)))
    return value


def _rank(key: str) -> tuple[int, bytes]:
    raw = key.encode("utf-8", errors="surrogatepass")
    return len(raw), raw


def _finite(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not float("-inf") < value < float("inf"):
        return None
    return value
