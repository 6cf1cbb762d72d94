"""`scripts/demo` as a person runs it, but for the set-up, which `scripts/test` has done."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.elsewhere import of_no_use_elsewhere

ROOT = Path(__file__).parents[2]

pytestmark = of_no_use_elsewhere("the demo starts a server of its own")


@pytest.mark.slow
@pytest.mark.timeout(430)
def test_the_demo_passes_and_says_so_last(tmp_path: Path) -> None:
    place = tmp_path / "demo"
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "demo.py"), "--place", str(place)],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.strip().splitlines()[-1]
    assert re.fullmatch(r"demo passed: ModelsFlow/windmill-[0-9a-f-]{36}", last)
    assert "train/t-1 started (attempt 2)" in done.stdout
    assert "'greeting': 'Hello, Windmill!'" in done.stdout
    assert "'best': 4" in done.stdout


@pytest.mark.slow
def test_the_demo_fails_when_a_part_fails(tmp_path: Path) -> None:
    (tmp_path / "in the way").touch()
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "demo.py"), "--place", str(tmp_path / "in the way" / "x")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "demo passed" not in done.stdout
