"""``@schedule`` becomes a Windmill schedule: pure functions from one cron dialect to the other.

Metaflow writes EventBridge's dialect (minute, hour, day, month, weekday and a year) or the
plain one of five fields; Windmill's ``v2`` schedules are read by croner, with the second first
and no year. Weekday numbers keep Argo's meaning, the one that the decorator has on Kubernetes:
0 and 7 are Sunday, 1 is Monday.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from metaflow_windmill.errors import DeployError

UTC = "Etc/UTC"

_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS = 5
_FIELDS_WITH_YEAR = 6


@dataclass(frozen=True)
class Carried:
    """A cron expression of six fields, seconds first, and a remark on its meaning or nothing."""

    cron: str
    remark: str = ""


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    first: int = 0
    special: str = ""

    @property
    def last(self) -> int:
        """Its last value; a weekday has Sunday twice."""
        return len(self.names) - 1 + self.first if self.names else self.high

    def number(self, text: str) -> int | None:
        """Return the number of a value, given by number or name; None if it is none of this field."""
        if text.upper() in self.names:
            return self.names.index(text.upper()) + self.first
        value = int(text) if text.isdigit() else -1
        return value if self.low <= value <= self.high else None


_PLAN = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31, special=r"L|\d{1,2}W"),
    _Field("month", 1, 12, _MONTHS, 1),
    _Field("day of the week", 0, 7, _DAYS, 0, special=r"[0-7A-Za-z]{1,3}(#[1-5L]|L)"),
)


def carry_over(expression: str) -> Carried:
    """Return the Windmill schedule that means the same as an expression of ``@schedule``.

    Raises
    ------
    DeployError
        If there is none; the message names the part and suggests what to write.
    """
    fields = _split(expression)
    for text, field in zip(fields, _PLAN, strict=True):
        _check(expression, text, field)
    numbered = len(expression.split()) == _FIELDS_WITH_YEAR and re.search(r"\d", fields[4].split("#")[0])
    remark = (
        f"the weekday {fields[4]!r} of the schedule counts Sunday as 0 and Monday as 1, as on Argo; "
        "EventBridge counts from Sunday as 1. A name such as MON is never mistaken"
    )
    return Carried(" ".join(("0", *fields)), remark if numbered else "")


def _split(expression: str) -> tuple[str, ...]:
    plain = expression.strip()
    wrapped = re.fullmatch(r"(cron|rate)\((.*)\)", plain)
    if wrapped and wrapped[1] == "cron":
        raise _refused(expression, f"it is wrapped in cron(...); write {wrapped[2]!r}")
    if wrapped:
        raise _refused(expression, "a rate has no time of day; write a cron such as '*/10 * * * *'")
    fields = _NICKNAMES.get(plain.lower(), plain).split()
    if len(fields) not in (_FIELDS, _FIELDS_WITH_YEAR):
        raise _refused(
            expression,
            f"it has {len(fields)} fields; write five, from minute to weekday, such as '0 10 * * MON'",
        )
    if len(fields) == _FIELDS_WITH_YEAR and fields[5] not in ("*", "?"):
        raise _refused(
            expression,
            f"Windmill has no years; write '*' instead of {fields[5]!r} and take @schedule away in time",
        )
    return tuple(fields[:_FIELDS])


def _check(expression: str, text: str, field: _Field) -> None:
    for item in text.split(","):
        base, slash, step = item.partition("/")
        if slash and not (step.isdigit() and int(step) > 0):
            raise _wrong(expression, text, field)
        if field.special and re.fullmatch(field.special, base) and not slash:
            _check_special(expression, base, field)
        elif base not in ("*", "?"):
            _check_range(expression, text, base, field)


def _check_special(expression: str, text: str, field: _Field) -> None:
    value = re.split(r"[#LW]", text)[0] if text != "L" else ""
    if value and field.number(value) is None:
        raise _wrong(expression, text, field)


def _check_range(expression: str, text: str, base: str, field: _Field) -> None:
    if base in ("LW", "WL") or base.startswith("L-"):
        raise _refused(expression, f"Windmill has no {base!r}; write 'L' for the last day of the month")
    low, dash, high = base.partition("-")
    first, last = field.number(low), field.number(high if dash else low)
    if first is None or last is None:
        raise _wrong(expression, text, field)
    if first > last:
        raise _refused(
            expression,
            f"Windmill has no range that goes over the end, {base!r}; write {_around(low, high, field)!r}",
        )


def _around(low: str, high: str, field: _Field) -> str:
    """Return two ranges for one that goes over the end of a field."""
    numbers = field.names == () or low.isdigit()
    top = str(field.last) if numbers else field.names[-1]
    bottom = str(field.low) if numbers else field.names[0]
    return f"{_range(low, top)},{_range(bottom, high)}"


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low}-{high}"


def _wrong(expression: str, text: str, field: _Field) -> DeployError:
    named = f" or {field.names[0]} to {field.names[-1]}" if field.names else ""
    return _refused(
        expression,
        f"{text!r} is no {field.name}; use {field.low} to {field.high}{named}, '*', lists, ranges and steps",
    )


def _refused(expression: str, why: str) -> DeployError:
    return DeployError(f"the schedule {expression!r} cannot be carried over to Windmill: {why}")
