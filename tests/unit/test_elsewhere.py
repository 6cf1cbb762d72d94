"""`scripts/test --server` refuses what it cannot use, before it runs anything."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--server",), "--server needs a value: scripts/test --server URL --token T"),
        (("--server", "http://127.0.0.1:9"), "Give both --server URL and --token T."),
        (("--token", "t", "tests/unit"), "Give both --server URL and --token T."),
    ],
)
def test_half_of_what_it_needs(words: tuple[str, ...], sentence: str) -> None:
    done = subprocess.run([ROOT / "scripts/test", *words], capture_output=True, text=True, check=False)
    assert (done.returncode, sentence in done.stderr) == (2, True), done
