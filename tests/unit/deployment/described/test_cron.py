"""``@schedule`` to Windmill's schedules, as a table."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from metaflow_windmill.deployment.described.cron import carry_over
from metaflow_windmill.devserver.schedules.cron_patterns import next_times, read_pattern
from metaflow_windmill.errors import DeployError

WEEKLY, HOURLY, DAILY = "0 0 ? * SUN *", "0 * * * ? *", "0 0 * * ? *"  # what Metaflow's presets come to


@pytest.mark.parametrize(
    ("given", "carried"),
    [
        (WEEKLY, "0 0 0 ? * SUN"),
        (HOURLY, "0 0 * * * ?"),
        (DAILY, "0 0 0 * * ?"),
        ("0 10 * * ? *", "0 0 10 * * ?"),
        ("30 6 * * MON-FRI", "0 30 6 * * MON-FRI"),
        ("*/5 8-17 1,15 JAN-JUN/2 *", "0 */5 8-17 1,15 JAN-JUN/2 *"),
        ("0/15 * * * *", "0 0/15 * * * *"),
        ("0 0 L * ?", "0 0 0 L * ?"),
        ("0 0 15W * ?", "0 0 0 15W * ?"),
        ("0 0 * * 5L", "0 0 0 * * 5L"),
        ("0 0 * * MON#2", "0 0 0 * * MON#2"),
        ("  0   0 * * mon ", "0 0 0 * * mon"),
        ("@daily", "0 0 0 * * *"),
        ("@Hourly", "0 0 * * * *"),
        ("@weekly", "0 0 0 * * 0"),
    ],
)
def test_carried_over(given: str, carried: str) -> None:
    assert carry_over(given).cron == carried


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ("0 0 1 1 ? 2027", "write '*' instead of '2027'"),
        ("cron(0 10 * * ? *)", "write '0 10 * * ? *'"),
        ("rate(5 minutes)", "write a cron such as '*/10 * * * *'"),
        ("0 22-2 * * *", "write '22-23,0-2'"),
        ("0 0 * * FRI-MON", "write 'FRI-SAT,SUN-MON'"),
        ("0 0 * * SAT-SUN", "write 'SAT,SUN'"),
        ("0 0 * * 6-1", "write '6,0-1'"),
        ("0 0 1 NOV-FEB *", "write 'NOV-DEC,JAN-FEB'"),
        ("0 0 1 11-2 *", "write '11-12,1-2'"),
        ("0 0 LW * ?", "write 'L' for the last day of the month"),
        ("0 0 L-3 * ?", "write 'L' for the last day of the month"),
        ("61 * * * *", "'61' is no minute; use 0 to 59"),
        ("0 24 * * *", "'24' is no hour; use 0 to 23"),
        ("0 0 32 * *", "'32' is no day of the month; use 1 to 31"),
        ("0 0 1 FOO *", "'FOO' is no month; use 1 to 12 or JAN to DEC"),
        ("0 0 * * 8", "'8' is no day of the week; use 0 to 7 or SUN to SAT"),
        ("0 0 * * MON#7", "'MON#7' is no day of the week"),
        ("*/0 * * * *", "'*/0' is no minute"),
        ("*/x * * * *", "'*/x' is no minute"),
        ("", "it has 0 fields; write five"),
        ("* * * *", "it has 4 fields; write five"),
        ("0 0 0 * * * 2027", "it has 7 fields; write five"),
    ],
)
def test_refused_with_a_suggestion(given: str, advice: str) -> None:
    with pytest.raises(DeployError) as caught:
        carry_over(given)
    assert str(caught.value).startswith(f"the schedule {given!r} cannot be carried over to Windmill: ")
    assert advice in str(caught.value)


@pytest.mark.parametrize(
    ("given", "remarked"),
    [
        ("0 0 ? * 2-6 *", True),
        ("0 0 ? * 6#3 *", True),
        ("0 0 ? * MON#2 *", False),
        ("0 0 ? * SUN *", False),
        ("0 0 * * 2", False),
    ],
)
def test_weekday_numbers_of_eventbridge_are_remarked(given: str, remarked: bool) -> None:
    assert bool(carry_over(given).remark) is remarked


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (DAILY, ["2026-01-02T00:00", "2026-01-03T00:00"]),
        (HOURLY, ["2026-01-01T13:00", "2026-01-01T14:00"]),
        (WEEKLY, ["2026-01-04T00:00", "2026-01-11T00:00"]),
        ("30 6 * * MON-FRI", ["2026-01-02T06:30", "2026-01-05T06:30"]),
        ("0 0 L * ?", ["2026-01-31T00:00", "2026-02-28T00:00"]),
    ],
)
def test_what_it_means_is_what_was_meant(given: str, expected: list[str]) -> None:
    """The embedded server reads patterns as croner does: seconds first, 0 and 7 are Sunday."""
    start = datetime(2026, 1, 1, 12, 30, tzinfo=timezone.utc)
    times = next_times(read_pattern(carry_over(given).cron), ZoneInfo("Etc/UTC"), start)
    assert [moment.strftime("%Y-%m-%dT%H:%M") for moment in islice(times, len(expected))] == expected
