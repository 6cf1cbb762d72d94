"""How long tests wait: on a Windmill elsewhere, whose machine others use too, some times as long."""

from __future__ import annotations

import os

SERVER = "METAFLOW_WINDMILL_TEST_SERVER"
"""The variable that holds the address of the Windmill that ``scripts/test --server`` names."""

ELSEWHERE = 5.0
"""How many times as long as on an embedded server, which has its workers for one test alone."""


def patient(seconds: float) -> float:
    """Return how long to wait for what takes an embedded server at most so many seconds."""
    return seconds * (ELSEWHERE if os.environ.get(SERVER) else 1.0)
