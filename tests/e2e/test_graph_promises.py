"""What is promised of each shape of graph, one flow of `flows` at a time, both ways."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import Deployed, run_on_windmill
from tests.support.oracle import Home, RunSeen, compare, run_locally
from tests.support.recorded import known_local_run

if TYPE_CHECKING:
    from tests.support.deployed import Target

pytestmark = pytest.mark.metaflow

FLOWS = Path(__file__).parent / "flows"
TANGLED = Path(__file__).parents[1] / "golden/flows/tangled.py"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def _both(home: Home, windmill: Target, file: str, name: str, *parameters: str) -> tuple[RunSeen, RunSeen]:
    flow = FLOWS / file
    local = known_local_run(home, flow, name, *parameters)
    there = run_on_windmill(home, windmill, flow, name, trigger=parameters)
    return local, there


def _most_at_once(windmill: Target, run: RunSeen, steps: set[str]) -> int:
    """Return how many jobs of these steps ran at the same time, at most."""
    ids = [task.job for task in run.tasks if task.place[0] in steps]
    jobs = [windmill.client.get_job(job_id) for job_id in ids if job_id]
    spans = [(job.started_at, job.completed_at) for job in jobs if job.started_at and job.completed_at]
    assert len(spans) == len(ids)
    return max(sum(began <= moment < ended for began, ended in spans) for moment, _ in spans)


def test_an_empty_foreach_fails_as_metaflow_fails_it(home: Home, windmill: Target) -> None:
    local, there = _both(home, windmill, "empty_foreach.py", "EmptyForeach")
    assert not there.successful
    assert compare(local, there) == []
    assert "produced zero splits" in (there.at("start").exception or "")
    assert there.count("each") == there.count("collect") == 0


def test_a_foreach_of_one(home: Home, windmill: Target) -> None:
    local, there = _both(home, windmill, "wide_foreach.py", "WideForeach", "--items", "1")
    assert compare(local, there) == []
    assert there.at("collect").artifacts["results"] == "[0]"


def test_a_wide_foreach_hands_only_its_count_to_the_join(home: Home, windmill: Target) -> None:
    deployed = Deployed(home, windmill, FLOWS / "wide_foreach.py", "WideForeach")
    deployed.create("--max-num-splits", "12")
    run_id = deployed.trigger("--items", "12")
    seen = deployed.finish(run_id)
    assert seen.at("collect").artifacts["results"] == repr([number**2 for number in range(12)])
    assert seen.at("collect").artifacts["indices"] == repr(list(range(12)))
    assert deployed.step_job(run_id, "collect").args["splits"] == 12


def test_choices_that_would_need_too_many_arms_run_in_one_row(home: Home, windmill: Target) -> None:
    flow = TANGLED
    deployed = Deployed(home, windmill, flow, "TangledFlow")
    deployed.create()
    runs = {passed: deployed.trigger("--passed", str(passed)) for passed in (1, 5)}
    for passed, run_id in runs.items():
        local, there = (
            known_local_run(home, flow, "TangledFlow", "--passed", str(passed)),
            deployed.finish(run_id),
        )
        assert compare(local, there) == []


@pytest.mark.parametrize("limit", [1, 2])
def test_max_workers_holds_exactly(home: Home, windmill_of_four: Target, limit: int) -> None:
    flow = FLOWS / "nested_lanes.py"
    seen = run_on_windmill(home, windmill_of_four, flow, "NestedLanes", create=["--max-workers", str(limit)])
    assert _most_at_once(windmill_of_four, seen, {"group", "member", "gather"}) == limit
    wanted = [[f"{group}{member}" for member in range(3)] for group in "abcd"]
    assert ast.literal_eval(seen.at("gather_groups").artifacts["all_names"]) == wanted


def test_without_max_workers_nothing_is_limited(home: Home, windmill_of_four: Target) -> None:
    seen = run_on_windmill(home, windmill_of_four, FLOWS / "nested_lanes.py", "NestedLanes")
    assert _most_at_once(windmill_of_four, seen, {"member"}) > 2


def test_joins_merge_artifacts(home: Home, windmill: Target) -> None:
    local, there = _both(home, windmill, "merging.py", "Merging")
    assert compare(local, there) == []
    end = there.at("end").artifacts
    assert (end["untouched"], end["only_left"], end["way"]) == ("{'kept': [1, 2]}", "'left'", "'second'")
    assert (end["torn"], end["owns"], end["same_everywhere"]) == ("[1, 2]", "[3, 1, 2]", "'same'")


def test_a_recursion_alone_and_in_a_foreach(home: Home, windmill: Target) -> None:
    local, there = _both(home, windmill, "recursion.py", "Recursion", "--turns", "4")
    assert compare(local, there) == []
    assert there.count("turn") == 4
    assert there.at("end").artifacts["heights"] == "[1, 3, 2]"
    assert there.at("fan_out").artifacts["kind"] == "'even'"
    assert there.at("climb", 1, turn=2).artifacts["_iteration_stack"] == "[2]"


def test_more_splits_than_allowed_fail_as_with_run(home: Home, windmill: Target) -> None:
    flow = FLOWS / "wide_foreach.py"
    local = run_locally(home, flow, "WideForeach", "--max-num-splits", "2")
    deployed = Deployed(home, windmill, flow, "WideForeach")
    deployed.create("--max-num-splits", "2")
    run_id = deployed.trigger()
    there = deployed.finish(run_id)
    assert compare(local, there) == []
    words = (
        "Foreach in step *start* yielded 3 child steps which is more than the current maximum of 2 children."
    )
    assert words.replace("*", "") in " ".join(local.log.split())
    assert words in deployed.wait(run_id).result["error"]["message"]
    assert there.count("square") == local.count("square") == 0


def test_a_value_that_names_no_case_fails_with_metaflow_s_words(home: Home, windmill: Target) -> None:
    local, there = _both(home, windmill, "unknown_case.py", "UnknownCase")
    assert not there.successful
    assert compare(local, there) == []
    told = there.at("start").exception or ""
    assert "has value 'neither' which is not in the available cases: ['one', 'two']" in told
    assert [task.place[0] for task in there.tasks] == ["start"]


def test_cases_that_are_numbers_or_configured(home: Home, windmill: Target) -> None:
    deployed = Deployed(home, windmill, FLOWS / "configured_cases.py", "ConfiguredCases")
    deployed.create()
    runs = {level: deployed.trigger("--level", str(level)) for level in (1, 3)}
    ran: dict[int, set[str]] = {1: {"low", "high"}, 3: set()}
    for level, run_id in runs.items():
        local = known_local_run(home, FLOWS / "configured_cases.py", "ConfiguredCases", "--level", str(level))
        there = deployed.finish(run_id)
        assert compare(local, there) == []
        assert {task.place[0] for task in there.tasks} == {"start", "paint", "choose", "end"} | ran[level]


def test_a_gang_in_a_foreach(home: Home, windmill: Target) -> None:
    local, there = _both(home, windmill, "gang.py", "Gang")
    assert compare(local, there) == []
    assert there.at("collect").artifacts["seen"] == "[[(0, 3), (1, 3), (2, 3)], [(0, 1)]]"


def test_an_unbounded_foreach_in_a_foreach(home: Home, windmill: Target) -> None:
    local, there = _both(home, windmill, "unbounded.py", "Unbounded")
    assert (
        there.at("collect").artifacts["loud"]
        == local.at("collect").artifacts["loud"]
        == "[['A', 'B'], ['C']]"
    )
    assert len(there.tasks) == len(local.tasks) == 12
