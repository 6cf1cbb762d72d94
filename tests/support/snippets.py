"""Small programs, each run in a Python of its own: for what a process may only do once, or to itself."""

from __future__ import annotations

import os
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

from tests.support.patience import patient

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def run_program(
    text: str, directory: Path, *, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a program in a directory, whatever its exit status."""
    file = directory / "program.py"
    file.write_text(dedent(text), encoding="utf-8")
    return subprocess.run(
        [sys.executable, file],
        cwd=directory,
        env={"PATH": os.environ["PATH"], **(env or {})},
        stdin=subprocess.PIPE,
        capture_output=True,
        timeout=patient(100),
        check=False,
    )


def output_of(text: str, directory: Path, *, env: Mapping[str, str] | None = None) -> str:
    """Run a program that must succeed; return its standard output."""
    done = run_program(text, directory, env=env)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()
