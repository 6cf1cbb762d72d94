"""A command on a terminal of its own: what a person sees there at each moment, and keys that they press."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyte

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

CTRL_C = b"\x03"
WITH_KEYS = (
    "import fcntl, os, signal, sys, termios; "
    "signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execvp(sys.argv[1], sys.argv[1:])"
)
"""Lets the keys of the terminal reach the command, Ctrl-C too, even where tests run in the background."""


@dataclass
class Terminal:
    """What is on it, and every screen that it has shown (`seen`, each once, as lines)."""

    process: subprocess.Popen[bytes]
    descriptor: int
    columns: int
    lines: int
    raw: bytes = b""
    seen: list[tuple[str, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.screen = pyte.HistoryScreen(self.columns, self.lines, history=10_000)
        self._stream = pyte.ByteStream(self.screen)

    @property
    def display(self) -> tuple[str, ...]:
        """The lines that are shown now, without empty ones."""
        return tuple(line.rstrip() for line in self.screen.display if line.strip())

    @property
    def scrolled(self) -> list[str]:
        """The lines that have left the screen, and those that are on it."""
        gone = (
            "".join(line[column].data for column in range(self.columns)) for line in self.screen.history.top
        )
        return [line.rstrip() for line in gone] + list(self.display)

    def press(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.descriptor, keys)

    def until(self, there: Callable[[tuple[str, ...]], bool], seconds: float) -> None:
        """Read until something is shown."""
        end = time.monotonic() + seconds
        while not there(self.display):
            assert self._read(end - time.monotonic()), "\n".join(self.scrolled)

    def close(self, seconds: float) -> int:
        """Read to the end; return the exit status."""
        end = time.monotonic() + seconds
        while self._read(end - time.monotonic()):
            pass
        return self.process.wait(timeout=max(1.0, end - time.monotonic()))

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self.descriptor], [], [], max(0.0, seconds))
        assert ready, "\n".join(self.scrolled)
        try:
            new = os.read(self.descriptor, 1 << 16)
        except OSError:  # Linux's word for the end
            return False
        self.raw += new
        self._stream.feed(new)
        if not self.seen or self.seen[-1] != self.display:
            self.seen.append(self.display)
        return bool(new)


@contextmanager
def on_terminal(
    command: Sequence[str], env: Mapping[str, str], cwd: Path, columns: int = 120, lines: int = 40
) -> Iterator[Terminal]:
    """Run a command on a terminal of so many columns and lines, as a person's shell does."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    plain = {key: value for key, value in env.items() if key not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-c", WITH_KEYS, *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=plain,
        cwd=cwd,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours, columns, lines)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
