"""The recordings of local runs are of the flows that are there."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.recorded import FOLDER, sha

DRAWN = "drawn.py"
"""Its text depends on the version of what draws it; where that differs, the flow is run."""
TESTS = Path(__file__).parents[1]


def test_each_recording_is_of_a_flow_as_it_stands() -> None:
    flows = {flow.name: sha(flow) for flow in TESTS.glob("*/flows/*.py")}
    kept = [json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.iterdir()]
    stale = sorted({each["flow"] for each in kept if flows.get(each["flow"]) != each["sha"]} - {DRAWN})
    assert stale == [], "Delete them, and record again: see CONTRIBUTING.md."
