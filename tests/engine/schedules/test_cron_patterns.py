"""Cron patterns: what each means, what is refused, and a slow reading of the rules as an oracle."""

from __future__ import annotations

import calendar
from datetime import date, datetime, timedelta, timezone
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaflow_windmill.devserver.schedules.cron_patterns import (
    InvalidPattern,
    next_time,
    next_times,
    read_pattern,
)

UTC = ZoneInfo("Etc/UTC")
PARIS = ZoneInfo("Europe/Paris")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def upcoming(pattern: str, after: str, count: int = 3, zone: ZoneInfo = UTC) -> list[str]:
    found = islice(next_times(read_pattern(pattern), zone, at(after)), count)
    return [instant.strftime("%Y-%m-%d %H:%M:%S") for instant in found]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("0 0 10 * * ?", ["2025-01-01 10:00:00", "2025-01-02 10:00:00", "2025-01-03 10:00:00"]),
        ("@daily", ["2025-01-02 00:00:00", "2025-01-03 00:00:00", "2025-01-04 00:00:00"]),
        ("0 0 0 L * *", ["2025-01-31 00:00:00", "2025-02-28 00:00:00", "2025-03-31 00:00:00"]),
        ("0 0 0 15W * *", ["2025-01-15 00:00:00", "2025-02-14 00:00:00", "2025-03-14 00:00:00"]),
        ("0 0 0 1W * *", ["2025-02-03 00:00:00", "2025-03-03 00:00:00", "2025-04-01 00:00:00"]),
        ("0 0 0 31W * *", ["2025-01-31 00:00:00", "2025-03-31 00:00:00", "2025-05-30 00:00:00"]),
        ("0 0 9 * * 5L", ["2025-01-31 09:00:00", "2025-02-28 09:00:00", "2025-03-28 09:00:00"]),
        ("0 0 9 * * FRI#L", ["2025-01-31 09:00:00", "2025-02-28 09:00:00", "2025-03-28 09:00:00"]),
        ("0 0 9 * * 5#2", ["2025-01-10 09:00:00", "2025-02-14 09:00:00", "2025-03-14 09:00:00"]),
        ("0 0 9 * * MON-FRI", ["2025-01-01 09:00:00", "2025-01-02 09:00:00", "2025-01-03 09:00:00"]),
        ("0 0 9 * * 7", ["2025-01-05 09:00:00", "2025-01-12 09:00:00", "2025-01-19 09:00:00"]),
        ("0 0 9 3 * 7", ["2025-01-03 09:00:00", "2025-01-05 09:00:00", "2025-01-12 09:00:00"]),
        ("0 5/20 * * * *", ["2025-01-01 00:05:00", "2025-01-01 00:25:00", "2025-01-01 00:45:00"]),
        ("0 0 0 29 2 *", ["2028-02-29 00:00:00", "2032-02-29 00:00:00"]),
        ("0 0 0 1 JAN,jul *", ["2025-07-01 00:00:00", "2026-01-01 00:00:00", "2026-07-01 00:00:00"]),
        ("*/30 59 23 31 12 *", ["2025-12-31 23:59:00", "2025-12-31 23:59:30", "2026-12-31 23:59:00"]),
    ],
)
def test_a_pattern_means_these_instants(pattern: str, expected: list[str]) -> None:
    assert upcoming(pattern, "2025-01-01T00:00:00", len(expected)) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "nonsense", "0 10 * * *", "0 0 10 * * * 2025", "60 * * * * *", "* 60 * * * *", "* * 24 * * *"),
        *("* * * 0 * *", "* * * 32 * *", "* * * * 0 *", "* * * * 13 *", "* * * * * 8", "* * * LW * *"),
        *("* * * L-3 * *", "* * 22-2 * * *", "* * * * * FRI-MON", "*/0 * * * * *", "*/x * * * * *"),
        *("1- * * * * *", "-1 * * * * *", "* * * * FOO *", "* * * * * 5#6", "1,,2 * * * * *", "* * * 0W * *"),
    ],
)
def test_what_croner_refuses_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern):
        read_pattern(pattern)


def test_five_fields_are_told_apart_from_nonsense() -> None:
    with pytest.raises(InvalidPattern, match="seconds can not be omitted"):
        read_pattern("0 10 * * *")
    with pytest.raises(InvalidPattern, match="six fields"):
        read_pattern("nonsense")


def test_a_day_that_never_comes_has_no_next_time() -> None:
    assert next_time(read_pattern("0 0 0 30 2 *"), UTC, at("2025-01-01T00:00:00")) is None


def test_a_fixed_time_inside_the_gap_falls_on_its_end() -> None:
    # In Paris the clock went from 02:00 to 03:00 on 2025-03-30.
    assert upcoming("0 30 2 * * *", "2025-03-29T12:00:00", 2, PARIS) == [
        "2025-03-30 01:00:00",
        "2025-03-31 00:30:00",
    ]


def test_a_fixed_time_that_comes_twice_counts_once() -> None:
    # In Paris the clock went from 03:00 back to 02:00 on 2025-10-26.
    assert upcoming("0 30 2 * * *", "2025-10-25T12:00:00", 2, PARIS) == [
        "2025-10-26 00:30:00",
        "2025-10-27 01:30:00",
    ]


@pytest.mark.parametrize("day", ["2025-03-30", "2025-10-26"])
def test_an_hourly_pattern_never_skips_or_repeats_an_hour(day: str) -> None:
    found = list(islice(next_times(read_pattern("0 0 * * * *"), PARIS, at(f"{day}T00:00:00")), 30))
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(hours=1)}


def numbers(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    spans = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    steps = st.tuples(spans, st.integers(1, min(9, high))).map(lambda pair: f"{pair[0]}/{pair[1]}")
    lists = st.lists(st.one_of(number.map(str), spans, steps), min_size=1, max_size=3).map(",".join)
    return st.one_of(st.just("*"), lists)


def expanded(field: str, low: int, high: int) -> set[int]:
    """Read a field of plain numbers as slowly and plainly as can be."""
    found: set[int] = set()
    for part in field.replace("*", f"{low}-{high}").split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        found |= set(list(range(int(first), int(last or first) + 1))[:: int(step or 1)])
    return found


@given(
    second=st.integers(0, 59).map(str),
    minute=numbers(0, 59),
    hour=numbers(0, 23),
    day=numbers(1, 28),
    month=numbers(1, 12),
    weekday=numbers(0, 7),
    after=st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1)),  # noqa: DTZ001 - made aware below
)
def test_the_next_time_is_what_a_walk_through_the_minutes_finds(  # noqa: PLR0917 - one a field
    second: str, minute: str, hour: str, day: str, month: str, weekday: str, after: datetime
) -> None:
    pattern = read_pattern(f"{second} {minute} {hour} {day} {month} {weekday}")
    start = after.replace(tzinfo=timezone.utc)
    months, days = expanded(month, 1, 12), expanded(day, 1, 31)
    weekdays = {number % 7 for number in expanded(weekday, 0, 7)}

    def is_day(candidate: date) -> bool:
        in_month, in_week = candidate.day in days, candidate.isoweekday() % 7 in weekdays
        either = in_month or in_week if "*" not in (day, weekday) else in_month and in_week
        return candidate.month in months and either

    found = next_time(pattern, UTC, start)
    assert found is not None
    assert found > start
    wanted_hours, wanted_minutes = expanded(hour, 0, 23), expanded(minute, 0, 59)
    candidate = start.replace(second=int(second), microsecond=0)
    candidate += timedelta(minutes=1) if candidate <= start else timedelta()
    while not (
        is_day(candidate.date()) and candidate.hour in wanted_hours and candidate.minute in wanted_minutes
    ):
        whole_day = not is_day(candidate.date())
        step = timedelta(days=1) if whole_day else timedelta(minutes=1)
        candidate = candidate + step
        if whole_day:
            candidate = candidate.replace(hour=0, minute=0)
    assert found == candidate


@given(st.integers(2000, 2060), st.integers(1, 12), st.integers(1, 31))
def test_the_nearest_weekday_is_a_weekday_of_the_same_month(year: int, month: int, day: int) -> None:
    length = calendar.monthrange(year, month)[1]
    pattern = read_pattern(f"0 0 0 {day}W {month} *")
    found = [
        date(year, month, each) for each in range(1, length + 1) if pattern.matches(date(year, month, each))
    ]
    if day > length:
        assert found == []
        return
    assert len(found) == 1
    assert found[0].isoweekday() <= 5
    assert abs(found[0].day - day) <= 2
