"""Many items and many turns on a real server: what a part holds in memory does not depend on how many.

The same script runs them by the thousand: see docs/performance.md. Each flow checks its own data as well: the
sum of all items, and in each turn which one it is.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.elsewhere import of_no_use_elsewhere

pytestmark = [
    pytest.mark.metaflow,
    pytest.mark.slow,
    pytest.mark.timeout(400),
    of_no_use_elsewhere("it measures the memory of the embedded server"),
]

SCRIPT = Path(__file__).parents[2] / "scripts" / "scale.py"
ROW = re.compile(r"^  (?P<what>.+?) +(?P<few>[\d,.]+) +(?P<many>[\d,.]+) +(?P<ratio>[\d,.]+)$", re.MULTILINE)


def ratios(*words: str) -> dict[str, float]:
    """Run the script and return how many times as much each thing is at the larger size."""
    done = subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    last = done.stdout.rpartition("\n\n")[2]
    return {row["what"]: float(row["ratio"]) for row in ROW.finditer(last)}


@pytest.mark.parametrize("shape", ["foreach", "recursion"])
def test_memory_and_rows_are_flat(shape: str) -> None:
    found = ratios(shape, "4", "20")
    held = {what: ratio for what, ratio in found.items() if what.endswith("MB")}
    assert len(held) == 7
    assert max(held.values()) < 1.15, held
    kept = {what: ratio for what, ratio in found.items() if "bytes" in what}
    assert len(kept) == 3
    assert max(kept.values()) < 1.05, kept
