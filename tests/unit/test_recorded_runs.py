"""The recordings of local runs are of the flows that are there."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.recorded import FOLDER, sha

TESTS = Path(__file__).parents[1]


def test_each_recording_is_of_a_flow_as_it_stands() -> None:
    flows = {flow.name: sha(flow) for flow in TESTS.glob("*/flows/*.py")}
    kept = [json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.iterdir()]
    stale = sorted({each["flow"] for each in kept if flows.get(each["flow"]) != each["sha"]})
    assert stale == [], "Delete them, and record again: see CONTRIBUTING.md."
