"""Where a flow file comes from, as the process that compiles it is told by the one that checked it out."""

from __future__ import annotations

import json
import os
from dataclasses import asdict

from metaflow_windmill.contract.record import GitInfo

VARIABLE = "METAFLOW_WINDMILL_GIT"


def told_origin() -> GitInfo | None:
    """Return what this process was told; None where nobody said anything, or nothing that can be read."""
    try:
        return GitInfo(**json.loads(os.environ.get(VARIABLE, "")))
    except (ValueError, TypeError):
        return None


def telling(origin: GitInfo) -> dict[str, str]:
    """Return the environment variable that tells a process."""
    return {VARIABLE: json.dumps(asdict(origin))}
