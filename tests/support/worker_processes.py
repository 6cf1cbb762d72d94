"""The worker processes of an embedded server, found as the system shows them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def worker_processes(data: Path) -> list[int]:
    """Return the processes of the workers of a data directory.

    What a worker has just begun looks like the worker until it is the job's program, and is none.
    """
    found: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # It may be gone by now.
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if b"metaflow_windmill.devserver.runner.worker" in words and os.fsencode(data) in words:
                found[int(entry.name)] = _parent(entry)
    return [process for process, parent in found.items() if parent not in found]


def _parent(entry: Path) -> int:
    return int((entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
