"""A task's output: passed on line by line to Windmill's job log, and kept where Metaflow looks for it."""

from __future__ import annotations

import mmap
import os
import time
from datetime import datetime, timezone
from io import BytesIO, FileIO
from typing import TYPE_CHECKING

from metaflow_windmill.process.control import reader_is_gone
from metaflow_windmill.runtime.output.masking import Mask

if TYPE_CHECKING:
    from pathlib import Path

    from metaflow_windmill.types import Json

SOURCE = "task"  # metaflow.mflog.TASK_LOG_SOURCE
CHUNK = 1 << 16
PATIENCE = 0.5
"""Seconds after which what has no end of line is passed on all the same: a progress bar has none."""


class LogStream:
    """One of the two outputs of a task.

    Parameters
    ----------
    target : int
        The descriptor of this process that the output is passed on to.
    file : Path
        Where it is kept, each line decorated as Metaflow's mflog does.
    mask : Mask
        What is hidden in both.
    """

    def __init__(self, target: int, file: Path, mask: Mask = Mask()) -> None:  # noqa: B008 (it is frozen)
        self.file = file
        self._mask = mask
        self._target = target
        self._kept = file.open("ab", buffering=CHUNK)
        self._pending = b""
        self._since = 0.0
        self._lines = 0
        self._inside_line = False

    def feed(self, data: bytes) -> None:
        """Take what the task wrote; whole lines are passed on, and a very long one in pieces."""
        whole, newline, rest = (self._pending + data).rpartition(b"\n")
        if newline or not self._pending:
            self._since = time.monotonic()
        self._pending = rest
        self._pass_on(whole + newline)
        if len(rest) >= CHUNK:
            self._pass_on_part()

    def pause(self) -> None:
        """Pass on what has waited for its end of line for long.

        Raises
        ------
        BrokenPipeError
            If nobody reads what is passed on. The worker of this job is dead then, and another one runs the
            job again: a task that is silent would go on beside it.
        """
        if reader_is_gone(self._target):
            raise BrokenPipeError("The worker of this job is dead: nobody reads what it writes.")
        if self._pending and time.monotonic() - self._since > PATIENCE:
            self._pass_on_part()

    def flush(self) -> None:
        """Pass on what has no end of line yet."""
        self._pass_on(self._pending)
        self._pending = b""

    def _pass_on_part(self) -> None:
        """Pass on a part of a line, but nothing that may be the beginning of a secret."""
        settled = self._mask.settled(self._pending)
        self._pass_on(self._pending[:settled])
        self._pending = self._pending[settled:]
        self._since = time.monotonic()

    def size(self) -> int:
        """Write all that is kept to the file and return its size."""
        self._kept.flush()
        return self.file.stat().st_size

    def _pass_on(self, data: bytes) -> None:
        data = self._mask.data(data)
        _write_all(self._target, data)
        from metaflow.mflog.mflog import decorate

        now = datetime.now(timezone.utc).replace(tzinfo=None)
        for line in BytesIO(data):
            if not self._inside_line:  # the number puts lines of the same instant in order
                self._lines += 1
                line = decorate(SOURCE, line, now=now, lineid=b"%012d" % self._lines)  # noqa: PLW2901
            self._kept.write(line)
            self._inside_line = not line.endswith(b"\n")


class MappedFile(FileIO):
    """A file that can be read as a whole without holding it in memory.

    Metaflow's local datastore reads a log at once to write it, however large it is.
    """

    def read(self, size: int | None = -1) -> Json:
        """Return `size` bytes, or all of the file as a mapping of it."""
        whole = size is None or size < 0
        if whole and os.fstat(self.fileno()).st_size:
            return mmap.mmap(self.fileno(), 0, access=mmap.ACCESS_READ)
        return super().read(-1 if size is None else size)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
