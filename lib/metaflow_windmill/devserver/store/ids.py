"""The ids of jobs: in the order of time, as a real Windmill's are, which begin with milliseconds."""

from __future__ import annotations

import secrets
import uuid

_RANDOM_BITS = 80
_TIME_BITS = 48


def new_job_id(instant: int) -> str:
    """Return an id for a job that is made at an instant, in microseconds since 1970."""
    milliseconds = (instant // 1000) % (1 << _TIME_BITS)
    return str(uuid.UUID(int=milliseconds << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)))
