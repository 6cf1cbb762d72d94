"""Choices that are written as one row of modules do what they do with arms, whatever stands in the row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import Deployed
from tests.support.oracle import Home, compare
from tests.support.recorded import known_local_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.deployed import Target
    from tests.support.oracle import RunSeen

pytestmark = pytest.mark.metaflow

FLOWS = Path(__file__).parent / "flows"
CHECKED = [f"check{number}" for number in range(4)]
POLLED = [
    *CHECKED,
    "prep",
    "poll1",
    "poll2",
    "poll3",
    *(f"check{number}" for number in range(4, 8)),
    "finish",
]


def run_both_ways(
    home: Home, windmill: Target, file: str, name: str, create: tuple[str, ...], *parameters: str
) -> RunSeen:
    """Run a flow on Windmill and see that it did what it does locally; return what it did."""
    flow = FLOWS / file
    deployed = Deployed(home, windmill, flow, name)
    there = deployed.finish(deployed.run(*create, *parameters))
    assert compare(known_local_run(home, flow, name, *parameters), there) == []
    return there


@dataclass(frozen=True)
class Promise:
    """What the last step of a flow is to have found."""

    file: str
    flow: str
    create: tuple[str, ...]
    found: Mapping[str, object]


PROMISES = [
    Promise("row_poll.py", "RowPoll", (), {"trail": POLLED}),
    Promise("row_split.py", "RowSplit", ("--max-workers=2",), {"table": [[11, 12], [21, 22]]}),
    Promise("row_foreach.py", "RowForeach", ("--max-workers=2",), {"table": [[11, 12, 13], [21, 22, 23]]}),
]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.flow)
def test_what_takes_turns_in_a_row_takes_all_of_them(
    tmp_path: Path, windmill: Target, promise: Promise
) -> None:
    seen = run_both_ways(Home(tmp_path), windmill, promise.file, promise.flow, promise.create)
    artifacts = seen.at("end").artifacts
    assert {name: artifacts[name] for name in promise.found} == {k: repr(v) for k, v in promise.found.items()}


@pytest.mark.parametrize(("slow", "found"), [("false", ["fast", 0, 0]), ("true", ["slowly", 0, 3])])
def test_a_row_leads_to_the_join_that_its_last_step_names(
    tmp_path: Path, windmill: Target, slow: str, found: list[object]
) -> None:
    home = Home(tmp_path, {"METAFLOW_WINDMILL_CHOICES": "rows"})
    seen = run_both_ways(home, windmill, "row_before_joins.py", "RowBeforeJoins", (), "--slow", slow)
    assert seen.at(str(found[0])).artifacts["found"] == repr(found)
