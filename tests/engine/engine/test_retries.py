"""When a failed module runs again, by the numbers."""

from __future__ import annotations

import pytest

from metaflow_windmill.devserver.engine.retries import LONGEST, has_attempts, interval
from metaflow_windmill.openflow import ConstantDelay, ExponentialDelay, Retry


@pytest.mark.parametrize(
    ("retry", "delays"),
    [
        (Retry(), []),
        (Retry(constant=ConstantDelay(2, 5)), [5, 5]),
        (Retry(exponential=ExponentialDelay(3, 2, 3)), [6, 18, 54]),
        # The exponent counts the constant attempts too.
        (Retry(ConstantDelay(1, 1), ExponentialDelay(2, 1, 2)), [1, 4, 8]),
        (Retry(exponential=ExponentialDelay(1, 60000, 60000)), [LONGEST]),
    ],
)
def test_constant_attempts_come_before_exponential_ones(retry: Retry, delays: list[float]) -> None:
    assert [interval(retry, failures) for failures in range(len(delays))] == delays
    assert interval(retry, len(delays)) is None
    assert has_attempts(retry) == bool(delays)


def test_jitter_stays_within_its_share() -> None:
    retry = Retry(exponential=ExponentialDelay(attempts=1, multiplier=1, seconds=100, random_factor=20))
    drawn = {interval(retry, 0) for _ in range(200)}
    assert len(drawn) > 1
    assert all(delay is not None and 80 <= delay <= 120 for delay in drawn)


def test_no_rule_grants_no_attempt() -> None:
    assert not has_attempts(None)
