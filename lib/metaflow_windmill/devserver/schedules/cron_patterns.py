"""Cron patterns of six fields, seconds first, as Windmill's ``cron_version: v2`` reads them.

Windmill uses the library croner: where both the day of the month and that of the week are restricted, a day
matches if either does; ``?`` is ``*``; Sunday is 0 or 7; ``L`` is the last day of a month, ``5L`` and ``5#L``
its last Friday, ``5#2`` its second one, ``15W`` the weekday nearest to the 15th.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

NICKNAMES = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
DAYS = {"SUN": 0, "MON": 1, "TUE": 2, "WED": 3, "THU": 4, "FRI": 5, "SAT": 6}
FIELDS = 6
LAST = 0
"""The occurrence of a weekday that means its last one in the month."""

FAR_AHEAD = 8 * 366
"""Days to look ahead: from one 29 February to the next there may be eight years."""


class InvalidPattern(ValueError):
    """A pattern that croner does not take; the message says why."""


@dataclass(frozen=True)
class Pattern:
    """A cron pattern, read.

    Parameters
    ----------
    seconds, minutes, hours : tuple of int
        Sorted.
    days : frozenset of int
        Of the month.
    nearest : frozenset of int
        Days whose nearest weekday counts.
    last_day : bool
        Whether the last day of the month counts.
    months : frozenset of int
    weekdays : frozenset of int
        0 is Sunday.
    nth : frozenset of (int, int)
        Weekday and its occurrence in the month; `LAST` for the last.
    any_day, any_weekday : bool
        Whether the field does not restrict.
    every_hour : bool
        Whether it follows the clock through a change of the hour.
    """

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    nearest: frozenset[int]
    last_day: bool
    months: frozenset[int]
    weekdays: frozenset[int]
    nth: frozenset[tuple[int, int]]
    any_day: bool
    any_weekday: bool
    every_hour: bool

    def matches(self, day: date) -> bool:
        """Tell whether a day is one of the pattern's."""
        if day.month not in self.months:
            return False
        if self.any_day or self.any_weekday:
            return (self.any_day or self._in_month(day)) and (self.any_weekday or self._in_week(day))
        return self._in_month(day) or self._in_week(day)

    def _in_month(self, day: date) -> bool:
        length = calendar.monthrange(day.year, day.month)[1]
        return (
            day.day in self.days
            or (self.last_day and day.day == length)
            or any(wanted <= length and _nearest_weekday(day, wanted) == day.day for wanted in self.nearest)
        )

    def _in_week(self, day: date) -> bool:
        weekday = day.isoweekday() % 7
        is_last = day.day + 7 > calendar.monthrange(day.year, day.month)[1]
        occurrence = (day.day - 1) // 7 + 1
        return (
            weekday in self.weekdays
            or (weekday, occurrence) in self.nth
            or (is_last and (weekday, LAST) in self.nth)
        )


def read_pattern(text: str) -> Pattern:
    """Read a pattern.

    Raises
    ------
    InvalidPattern
    """
    fields = NICKNAMES.get(text.strip().lower(), text).upper().split()
    if len(fields) == FIELDS - 1:
        raise InvalidPattern("Pattern must consist of six fields, seconds can not be omitted.")
    if len(fields) != FIELDS:
        raise InvalidPattern(
            "Pattern must consist of six fields (second, minute, hour, day, month, day of week)."
        )
    second, minute, hour, day, month, weekday = fields
    days, nearest, last_day = _month_days(day)
    weekdays, nth = _week_days(weekday)
    return Pattern(
        seconds=tuple(sorted(_numbers(second, 0, 59))),
        minutes=tuple(sorted(_numbers(minute, 0, 59))),
        hours=tuple(sorted(_numbers(hour, 0, 23))),
        days=days,
        nearest=nearest,
        last_day=last_day,
        months=frozenset(_numbers(month, 1, 12, MONTHS)),
        weekdays=weekdays,
        nth=nth,
        any_day=day in ("*", "?"),
        any_weekday=weekday in ("*", "?"),
        every_hour=hour.startswith(("*", "?")),
    )


def next_times(pattern: Pattern, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Yield the instants (UTC) of a pattern after an instant, in order.

    Where the clock is put forward, a fixed time that does not exist falls on the first instant after the gap.
    Where it is put back, a fixed time counts once, the first time; a pattern of every hour goes through both.
    """
    local = after.astimezone(zone)
    last = after.astimezone(timezone.utc)
    for ahead in range(FAR_AHEAD):
        day = local.date() + timedelta(days=ahead - 1)
        if pattern.matches(day):
            for instant in _instants(pattern, day, zone, last):
                if instant > last:
                    last = instant
                    yield instant


def next_time(pattern: Pattern, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Return the first instant of a pattern after an instant; None if there is none for years."""
    return next(next_times(pattern, zone, after), None)


def _instants(pattern: Pattern, day: date, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Yield the instants of a day, hour by hour and sorted; hours that are over are left out."""
    for hour in pattern.hours:
        over = datetime.combine(day, time(hour, 59, 59), zone).replace(fold=1)
        if over.astimezone(timezone.utc) > after:
            found: set[datetime] = set()
            for minute in pattern.minutes:
                for second in pattern.seconds:
                    naive = datetime.combine(day, time(hour, minute, second))
                    found.update(_in_zone(naive, zone, both=pattern.every_hour))
            yield from sorted(found)


def _in_zone(naive: datetime, zone: ZoneInfo, *, both: bool) -> list[datetime]:
    first = naive.replace(tzinfo=zone).astimezone(timezone.utc)
    second = naive.replace(tzinfo=zone, fold=1).astimezone(timezone.utc)
    if first.astimezone(zone).replace(tzinfo=None) != naive:
        return [] if both else [_end_of_gap(first, second, zone)]
    return [first, second] if both else [first]


def _end_of_gap(late: datetime, early: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant after the gap that a time falls into.

    Read with the offset from before the gap, the time lies after it; with the offset from after, before it.
    """
    low, high = min(early, late), max(early, late)
    offset = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == offset else (low, middle)
    return high.replace(microsecond=0)


def _month_days(field: str) -> tuple[frozenset[int], frozenset[int], bool]:
    plain, nearest, last = set(), set(), False
    for part in field.split(","):
        weekday = re.fullmatch(r"(\d{1,2})W", part)
        if part == "L":
            last = True
        elif weekday:
            nearest.add(_in_range(int(weekday[1]), 1, 31, part))
        else:
            plain |= _numbers(part, 1, 31)
    return frozenset(plain), frozenset(nearest), last


def _week_days(field: str) -> tuple[frozenset[int], frozenset[tuple[int, int]]]:
    plain, nth = set(), set()
    for part in field.split(","):
        counted = re.fullmatch(r"(\w{1,3})#([1-5L])|([0-7]|[A-Z]{3})L", part)
        if counted:
            days = _numbers(counted[1] or counted[3], 0, 7, DAYS)
            occurrence = LAST if counted[2] in (None, "L") else int(counted[2])
            nth |= {(day % 7, occurrence) for day in days}
        else:
            plain |= {day % 7 for day in _numbers(part, 0, 7, DAYS)}
    return frozenset(plain), frozenset(nth)


def _numbers(field: str, low: int, high: int, names: dict[str, int] | None = None) -> set[int]:
    return {number for part in field.split(",") for number in _part(part, low, high, names or {})}


def _part(part: str, low: int, high: int, names: dict[str, int]) -> range:
    """Read ``*``, ``a``, ``a-b``, each perhaps with ``/step``."""
    span, slash, step = part.partition("/")
    if slash and not (step.isdigit() and 0 < int(step) <= high):
        raise InvalidPattern(f"{part!r} does not have a valid step.")
    if span in ("*", "?"):
        return range(low, high + 1, int(step or 1))
    first, dash, last = span.partition("-")
    start = _number(first, low, high, names)
    if not dash:
        return range(start, high + 1, int(step)) if slash else range(start, start + 1)
    end = _number(last, low, high, names)
    if end < start:
        raise InvalidPattern(f"{part!r} ends before it begins.")
    return range(start, end + 1, int(step or 1))


def _number(text: str, low: int, high: int, names: dict[str, int]) -> int:
    if text in names:
        return names[text]
    if not re.fullmatch(r"\d{1,2}", text):
        raise InvalidPattern(f"{text!r} is not a number between {low} and {high}.")
    return _in_range(int(text), low, high, text)


def _in_range(number: int, low: int, high: int, text: str) -> int:
    if not low <= number <= high:
        raise InvalidPattern(f"{text!r} is not between {low} and {high}.")
    return number


def _nearest_weekday(month: date, wanted: int) -> int:
    """Return the weekday nearest to a day, in the same month."""
    day = date(month.year, month.month, wanted)
    length = calendar.monthrange(month.year, month.month)[1]
    saturday, sunday = 6, 7
    if day.isoweekday() == saturday:
        return wanted - 1 if wanted > 1 else wanted + 2
    if day.isoweekday() == sunday:
        return wanted + 1 if wanted < length else wanted - 2
    return wanted
