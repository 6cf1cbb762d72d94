"""Cases of a switch that lead to several steps at once, on a Metaflow that has them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import metaflow
import pytest
from tests.support.deployed import Deployed
from tests.support.oracle import Home, compare, run_locally

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


@pytest.mark.parametrize(
    "options", [(), ("--max-workers", "1", "--pack", "4")], ids=["side by side", "in a lane"]
)
def test_each_case_runs_all_of_its_steps_and_no_other(
    tmp_path: Path, windmill: Target, options: tuple[str, ...]
) -> None:
    home = Home(tmp_path)
    deployed = Deployed(home, windmill, FLOW, "ListCases")
    deployed.create(*options)
    runs = {way: deployed.trigger("--way", way) for way in STEPS}
    for way, run_id in runs.items():
        there = deployed.finish(run_id)
        assert compare(run_locally(home, FLOW, "ListCases", "--way", way), there) == []
        assert {task.place[0] for task in there.tasks} == STEPS[way]
    again = deployed.finish(deployed._started("resume", "--no-wait", "--step-to-rerun=both", runs["miss"]))
    assert again.successful, again.log
    assert {task.place for task in again.tasks} == {
        task.place for task in deployed.finish(runs["miss"]).tasks
    }
    assert again.at("end").artifacts["known_parts"] == "['even', 'face', 'left', 'left', 'right', 'right']"
