"""Instants as people write them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaflow_windmill.devserver.store.clock import from_datetime, iso, read_instant

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "text",
    [
        *("2026-01-31T12:00:00Z", "2026-01-31T12:00:00", "2026-01-31T13:00:00+01:00", "2026-01-31T12:00Z"),
        *("2026-01-31T13:00:00 01:00", "2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00.000000000Z"),
        *(" 2026-01-31T12:00:00.0+00:00 ", "2026-01-31 12:00:00"),
    ],
)
def test_one_instant_written_in_many_ways(text: str) -> None:
    assert read_instant(text) == NOON


def test_a_fraction_of_any_length_is_read() -> None:
    assert read_instant("2026-01-31T12:00:00.5Z") == NOON + timedelta(milliseconds=500)
    assert read_instant("2026-01-31T12:00:00.1234567Z") == NOON + timedelta(microseconds=123_456)


@pytest.mark.parametrize("text", ["", "soon", "12:00", "2026-13-01T00:00:00Z", "2026-01-31T25:00:00Z"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_instant(text)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(timezone.utc)))  # noqa: DTZ001 - made aware by the strategy
def test_what_the_server_writes_it_reads(instant: datetime) -> None:
    written = iso(from_datetime(instant))
    assert written is not None
    assert read_instant(written) == instant
