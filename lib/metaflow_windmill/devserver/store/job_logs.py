"""The jobs' logs: a file a job, with the secrets that the job fetched masked."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MASK = "******"
SHORTEST_MASKED = 8
"""Characters; a shorter secret would hide harmless text."""


class Logs:
    """The directory of logs.

    Parameters
    ----------
    directory : Path
        Made where it is absent.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._masks: dict[str, set[str]] = {}
        self._lock = threading.Lock()
        directory.mkdir(parents=True, exist_ok=True)

    def path(self, job_id: str) -> Path:
        """Return where the log of a job stands, whether or not there is one."""
        return self.directory / f"{job_id}.log"

    def mask(self, job_id: str, value: str) -> None:
        """Hide a value in a job's log from now on; values below eight characters are left alone."""
        if len(value) >= SHORTEST_MASKED:
            with self._lock:
                self._masks.setdefault(job_id, set()).add(value)

    def size(self, job_id: str) -> int:
        """Return how many bytes the log has so far."""
        path = self.path(job_id)
        return path.stat().st_size if path.exists() else 0

    def read(self, job_id: str, offset: int = 0) -> str:
        """Return the log from a byte on, masked."""
        path = self.path(job_id)
        if not path.exists():
            return ""
        with path.open("rb") as file:
            file.seek(offset)
            return self._masked(job_id, file.read().decode("utf-8", errors="replace"))

    def part(self, job_id: str, offset: int, *, whole: bool) -> tuple[str, int]:
        """Return the log from a byte on, masked, and the byte where the next part begins.

        Unless the whole rest is asked for, a part ends with a line, so that no secret is cut in two.
        """
        path = self.path(job_id)
        if not path.exists():
            return "", offset
        with path.open("rb") as file:
            file.seek(offset)
            found = file.read()
        if not whole:
            found = found[: found.rfind(b"\n") + 1]
        return self._masked(job_id, found.decode("utf-8", errors="replace")), offset + len(found)

    def append(self, job_id: str, text: str) -> None:
        """Add what the server itself has to say of a job."""
        with self.path(job_id).open("a", encoding="utf-8") as file:
            file.write(text)

    def seal(self, job_id: str) -> None:
        """Hide the job's secrets in the file too, now that nothing more is written to it."""
        with self._lock:
            masks = self._masks.get(job_id)
        path = self.path(job_id)
        if masks and path.exists():
            text = path.read_text(encoding="utf-8", errors="replace")
            masked = self._masked(job_id, text)
            if masked != text:
                beside = path.with_suffix(".new")
                beside.write_text(masked, encoding="utf-8")
                beside.replace(path)
        with self._lock:
            self._masks.pop(job_id, None)

    def _masked(self, job_id: str, text: str) -> str:
        for value in sorted(self._masks.get(job_id, ()), key=len, reverse=True):
            text = text.replace(value, MASK)
        return text
