"""What is shown in IPython on a terminal, which cannot change it; a notebook is in the end-to-end tests."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from metaflow_windmill.cli.deployer.live import Displays

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
from metaflow_windmill.cli.deployer.live import Displays
shown = Displays()
shown.show({"text/plain": "a run", "text/html": "<b>a run</b>"})
shown.update({"text/plain": "the run again", "text/html": "<b>the run again</b>"})
"""


def test_a_terminal_shows_the_text_once(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "IPython", "--no-banner", "-c", PROGRAM]
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "a run\n"


def test_where_nothing_is_shown_nothing_is_changed() -> None:
    Displays().update({"text/plain": "a run"})
