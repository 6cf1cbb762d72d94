"""Which release of Windmill the embedded server behaves as, and what later ones can do besides."""

from __future__ import annotations

import re
from typing import TypeAlias

Release: TypeAlias = tuple[int, int, int]

TRIED: Release = (1, 788, 0)
"""The one that all behaviour here was compared with."""

RUN_NOW: Release = (1, 820, 0)
"""A job that waits for its time can be started at once (the API's description of 1.820; not of 1.817)."""

JOB_TOKEN_SCOPES: Release = (1, 823, 0)
"""Modules say what the tokens of their jobs open (the API's description of 1.823; not of 1.821)."""

WORKER_IS_DRAINING: Release = (1, 830, 0)
"""A job can ask whether its worker is about to end (the API's description of 1.830; not of 1.828)."""

_WRITTEN = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


def read_release(text: str) -> Release:
    """Read a release such as ``1.850`` or ``1.850.0``.

    Raises
    ------
    ValueError
        If it is none.
    """
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return int(match[1]), int(match[2]), int(match[3] or 0)


def written(release: Release) -> str:
    """Write a release as Windmill does: ``v1.788.0``."""
    return "v" + ".".join(map(str, release))
