"""The table of threats names tests that exist, and each of its rows one, or says that nothing stops it."""

from __future__ import annotations

import re

from tests.support.oracle import ROOT

TABLE = (ROOT / "docs/security.md").read_text(encoding="utf-8").partition("## Threats")[2]
ROWS = [line for line in TABLE.splitlines() if line.startswith("|")][2:]


def test_each_test_that_is_named_exists() -> None:
    known = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)\(", file.read_text(encoding="utf-8"))
    }
    named = set(re.findall(r"`(test_\w+)`", TABLE))
    assert named
    assert named <= known, named - known


def test_each_threat_is_stopped_by_something_that_is_shown_or_said_not_to_be() -> None:
    assert len(ROWS) > 10
    assert not [row for row in ROWS if "`test_" not in row and "**not stopped**" not in row]
