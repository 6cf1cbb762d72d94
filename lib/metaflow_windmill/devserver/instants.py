"""Reads instants that people write."""

from __future__ import annotations

from datetime import datetime, timezone


def read_instant(text: str) -> datetime:
    """Read an ISO 8601 instant; one without an offset counts as UTC.

    Raises
    ------
    ValueError
        If the text is not an instant.
    """
    # datetime.fromisoformat learned "Z" and fractions of other lengths only in Python 3.11. A "+" in a
    # query that nobody escaped arrives as a space.
    day, mark, time = text.strip().partition("T")
    whole, dot, rest = f"{day}{mark}{time.replace(' ', '+')}".replace("Z", "+00:00").partition(".")
    if dot:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        whole += f".{digits[:6]:0<6}{rest[len(digits) :]}"
    read = datetime.fromisoformat(whole)
    return read if read.tzinfo else read.replace(tzinfo=timezone.utc)
