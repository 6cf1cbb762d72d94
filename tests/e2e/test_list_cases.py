"""Cases of a switch that lead to several steps at once, on a Metaflow that has them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import metaflow
import pytest
from tests.support.deployed import Deployed, run_on_windmill
from tests.support.oracle import Home, compare
from tests.support.recorded import known_local_run

if TYPE_CHECKING:
    from tests.support.deployed import Target

pytestmark = [
    pytest.mark.metaflow,
    pytest.mark.skipif(
        not hasattr(metaflow.graph, "switch_case_targets"),
        reason="a Metaflow whose cases lead to one step each",
    ),
]

FLOW = Path(__file__).parent / "flows/list_cases.py"
STEPS = {
    "hit": {"start", "known", "end"},
    "miss": {
        *("start", "clip", "look", "plain", "left", "right", "sides", "looked", "clipped", "face", "both"),
        *("known", "end"),
    },
    "far": {"start", "one", "two", "three", "both", "known", "end"},
}


@pytest.mark.parametrize("way", STEPS)
def test_each_case_runs_all_of_its_steps_and_no_other(tmp_path: Path, windmill: Target, way: str) -> None:
    home = Home(tmp_path)
    local = known_local_run(home, FLOW, "ListCases", "--way", way)
    there = run_on_windmill(home, windmill, FLOW, "ListCases", trigger=("--way", way))
    assert compare(local, there) == []
    assert {task.place[0] for task in there.tasks} == STEPS[way]


def test_in_a_lane_and_resumed(tmp_path: Path, windmill: Target) -> None:
    deployed = Deployed(Home(tmp_path), windmill, FLOW, "ListCases")
    deployed.create("--max-workers", "1", "--pack", "4")
    first = deployed.trigger("--way", "miss")
    ran = deployed.finish(first)
    again = deployed.finish(deployed._started("resume", "--no-wait", "--step-to-rerun=both", first))
    for seen in (ran, again):
        assert seen.successful, seen.log
        assert {task.place[0] for task in seen.tasks} == STEPS["miss"]
        assert seen.at("end").artifacts["known_parts"] == "['even', 'face', 'left', 'left', 'right', 'right']"
