"""An embedded server for as long as a block runs: for the scripts beside this file."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

READY = "metaflow-windmill dev is ready"


@dataclass(frozen=True)
class Server:
    """Where it is, how to ask it, and its process."""

    url: str
    token: str
    process: subprocess.Popen[str] | None

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a flow's command line at it."""
        return {"WINDMILL_HOST": self.url, "WINDMILL_TOKEN": self.token, "WINDMILL_WORKSPACE": "admins"}


@contextmanager
def local_server(
    data: Path, *, workers: int = 2, arguments: Sequence[str] = (), **variables: str
) -> Iterator[Server]:
    """Start a server on a free port, and end it and its jobs after the block."""
    token = os.urandom(16).hex()
    command = [sys.executable, "-m", "metaflow_windmill.cli.main", "dev", "--port", "0"]
    command += ["--data", str(data), "--workers", str(workers), "--token", token, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **variables})
    try:
        yield Server(_address(process), token, process)
    finally:
        process.terminate()
        process.wait(30)


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip().startswith("address"):
            return line.split()[1]
    raise SystemExit("The embedded server did not start; its own words are above.")
