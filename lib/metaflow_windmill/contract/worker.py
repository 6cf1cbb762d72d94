"""What may be said of the worker of a step: its tag, and how many tasks one job of it takes."""

from __future__ import annotations

import re

_TAG = re.compile(r"[A-Za-z0-9_.:/@${}\[\]-]{1,50}")  # Windmill's queue has room for 50 characters

MOST_PACKED = 1000
"""Tasks of a step that one job may run: the job tells of each in its result."""


def is_worker_tag(tag: object) -> bool:
    """Tell whether something can be the tag of a worker."""
    return isinstance(tag, str) and _TAG.fullmatch(tag) is not None


def is_pack(number: object) -> bool:
    """Tell whether something can be the number of a step's tasks in one job; a text may say it."""
    return re.fullmatch(r"[1-9]\d{0,3}", str(number)) is not None and int(str(number)) <= MOST_PACKED
