"""Where a flow file comes from, as the process that compiles it is told by the one that checked it out."""

from __future__ import annotations

import json
import os
from dataclasses import asdict

from metaflow_windmill.contract.known import known
from metaflow_windmill.contract.record import GitInfo
from metaflow_windmill.errors import InvalidDocument

VARIABLE = "METAFLOW_WINDMILL_GIT"


def told_origin() -> GitInfo | None:
    """Return what this process was told; None where nobody said anything, or nothing that can be read."""
    return read_origin(os.environ.get(VARIABLE, ""))


def read_origin(text: str) -> GitInfo | None:
    """Return what `telling` wrote, this version's or a later one's; None for anything else."""
    try:
        return GitInfo(**known(GitInfo, json.loads(text)))
    except (ValueError, TypeError, InvalidDocument):
        return None


def telling(origin: GitInfo) -> dict[str, str]:
    """Return the environment variable that tells a process."""
    return {VARIABLE: json.dumps(asdict(origin))}
