"""What may be said of the workers of a step: their tag, the tasks of one job, the jobs of a gang."""

from __future__ import annotations

import re

_TAG = re.compile(r"[A-Za-z0-9_.:/@${}\[\]-]{1,50}")  # Windmill's queue has room for 50 characters

_YES, _NO = ("true", "1", "yes"), ("false", "0", "no")

GATHER_SECONDS = 300
"""How long nodes that are jobs of their own wait for the rest of their gang, unless the step says it."""

MOST_PACKED = 1000
"""Tasks of a step that one job may run: the job tells of each in its result."""

MOST_LOST = 5
"""Times that a task may be run again: Metaflow keeps six attempts."""


def is_worker_tag(tag: object) -> bool:
    """Tell whether something can be the tag of a worker."""
    return isinstance(tag, str) and _TAG.fullmatch(tag) is not None


def is_pack(number: object) -> bool:
    """Tell whether something can be the number of a step's tasks in one job; a text may say it."""
    return re.fullmatch(r"[1-9]\d{0,3}", str(number)) is not None and int(str(number)) <= MOST_PACKED


def is_yes_or_no(said: object) -> bool:
    """Tell whether something can be said of what is or is not; a text may say it."""
    return said is None or str(said).lower() in {*_YES, *_NO}


def is_said(said: object) -> bool:
    """Tell whether what is or is not was said to be."""
    return str(said).lower() in _YES


def is_retry_lost(number: object) -> bool:
    """Tell whether something can be how often a task is run again because its worker was lost."""
    return re.fullmatch(r"\d", str(number)) is not None and int(str(number)) <= MOST_LOST
