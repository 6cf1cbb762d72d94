"""Where jobs too reach what a test serves: on the loopback, or on the bridge that islands are behind."""

from __future__ import annotations

import os

HOST = "METAFLOW_WINDMILL_TEST_HOST"
"""The variable with this machine's address as workers on islands reach it: see `tests.support.islands`."""


def reachable() -> str:
    """Return the address to serve at."""
    return os.environ.get(HOST, "127.0.0.1")
