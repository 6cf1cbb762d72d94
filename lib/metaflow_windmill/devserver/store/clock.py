"""Instants: microseconds since 1970 in the database, RFC 3339 in the API, ISO 8601 from people."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def now() -> int:
    """Return the present instant, in microseconds since 1970."""
    return time.time_ns() // 1000


def from_datetime(instant: datetime) -> int:
    """Return an aware instant in microseconds since 1970."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def iso(micros: int | None) -> str | None:
    """Write an instant as Windmill does: RFC 3339, UTC, microseconds."""
    if micros is None:
        return None
    return (EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read_instant(text: str) -> datetime:
    """Read an ISO 8601 instant; one without an offset counts as UTC.

    Raises
    ------
    ValueError
        If the text is not an instant.
    """
    # datetime.fromisoformat learned "Z" and fractions of other lengths only in Python 3.11. A "+" in a
    # query that nobody escaped arrives as a space.
    day, mark, hour = text.strip().partition("T")
    whole, dot, rest = f"{day}{mark}{hour.replace(' ', '+')}".replace("Z", "+00:00").partition(".")
    if dot:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        whole += f".{digits[:6]:0<6}{rest[len(digits) :]}"
    read = datetime.fromisoformat(whole)
    return read if read.tzinfo else read.replace(tzinfo=timezone.utc)
