"""The worker processes of an embedded server, found as the system shows them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def worker_processes(data: Path) -> list[int]:
    """Return the processes of the workers of a data directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # It may be gone by now.
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if b"metaflow_windmill.devserver.runner.worker" in words and os.fsencode(data) in words:
                found.append(int(entry.name))
    return found
