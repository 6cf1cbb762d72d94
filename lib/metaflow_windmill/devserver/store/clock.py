"""Instants: microseconds since 1970 in the database, RFC 3339 in the API."""

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
