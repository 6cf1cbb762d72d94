"""A server that speaks S3, in a process of its own: moto's."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests
from tests.support.server import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUCKET = "flows"


@contextmanager
def object_store(folder: Path, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve an empty bucket on a free port; give the address."""
    output = folder / "moto.out"
    with output.open("wb") as out:
        command = [sys.executable, "-m", "moto.server", "-H", host, "-p", "0"]
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: "Running on http" in output.read_text(), 60, "moto's server did not start")
        lines = [line for line in output.read_text().splitlines() if "Running on http" in line]
        address = lines[-1].split()[-1]
        assert requests.put(f"{address}/{BUCKET}", timeout=30).ok
        yield address
    finally:
        process.terminate()
        process.wait()
