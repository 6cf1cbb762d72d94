"""The text of ``windmill_scripts/run_step.py``, which is the body of each step of a compiled flow."""

from __future__ import annotations

from pathlib import Path

SCRIPT = Path(__file__).with_name("run_step.txt")
"""The script itself, as data of this package: a link in a checkout, a copy where this is installed."""


def step_script() -> str:
    """Return the script."""
    return SCRIPT.read_text(encoding="utf-8")
