"""When a failed module runs again."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow_windmill.devserver.engine.scope import Scope
    from metaflow_windmill.openflow import Retry
    from metaflow_windmill.types import Json

LONGEST = 6 * 3600.0
"""Seconds between two attempts, at most."""

LARGEST_U16 = 65535


def delay(retry: Retry | None, failures: int, scope: Scope, result: Json) -> float | None:
    """Return the seconds to wait before the next attempt, or None where there is none.

    Parameters
    ----------
    retry : Retry or None
    failures : int
        How many failures were followed by another attempt so far.
    scope : Scope
    result : JSON value
        Of the attempt that failed; ``retry_if`` looks at it.

    Raises
    ------
    ExpressionError
        If ``retry_if`` throws.
    """
    if retry is None:
        return None
    names = {"result": result, "previous_result": result}
    if retry.retry_if is not None and not scope.holds(retry.retry_if, names, sees_results=False):
        return None
    return interval(retry, failures)


def interval(retry: Retry, failures: int) -> float | None:
    """Return the seconds before the next attempt by the numbers alone: first constant, then exponential."""
    if failures < retry.constant.attempts:
        return min(float(retry.constant.seconds), LONGEST)
    exponential = retry.exponential
    if failures - retry.constant.attempts >= exponential.attempts:
        return None
    # The exponent counts the constant attempts too, and 16 bits hold the power: both as on the real server.
    power = min(exponential.seconds ** (failures + 1), LARGEST_U16)
    seconds = float(exponential.multiplier * power)
    if exponential.random_factor and exponential.random_factor > 0:
        spread = random.uniform(0, exponential.random_factor) / 100  # noqa: S311 - jitter, not a secret
        seconds *= 1 + random.choice((-1, 1)) * spread  # noqa: S311 - jitter, not a secret
    return min(seconds, LONGEST)


def has_attempts(retry: Retry | None) -> bool:
    """Tell whether a rule ever grants another attempt."""
    return retry is not None and (retry.constant.attempts > 0 or retry.exponential.attempts > 0)
