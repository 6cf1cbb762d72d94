"""What Windmill takes as the tag of a worker."""

from __future__ import annotations

import re

_TAG = re.compile(r"[A-Za-z0-9_.:/@${}\[\]-]{1,50}")  # Windmill's queue has room for 50 characters


def is_worker_tag(tag: object) -> bool:
    """Tell whether something can be the tag of a worker."""
    return isinstance(tag, str) and _TAG.fullmatch(tag) is not None
