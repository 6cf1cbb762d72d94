"""A job whose path has more than 255 characters cannot be kept; what is asserted was seen on 1.788."""

from __future__ import annotations

import pytest
from tests.support.engine_bench import Bench, choice, flow, loop, step

TOO_LONG = (
    "SqlErr: error returned from database: value too long for type character varying(255) @jobs.rs:6680:5"
)
AT_START = {"error": {"name": "Anyhow", "message": f"Error: {TOO_LONG} @worker.rs:4156:13"}}
BETWEEN = {"error": {"name": "InternalError", "message": TOO_LONG}}


def long_path(below: str, over: int = 0) -> str:
    """Return the path of a flow that leaves so much for a job below it, or too little by some characters."""
    return "f/tests/".ljust(255 - len(below) + over, "x")


def test_a_path_of_255_characters_is_kept(stand: Bench) -> None:
    seen = stand.run(flow(choice("c", {"true": [step("a")]}, [])), path=long_path("/branchone-1/a"))
    assert seen.outcome == "success"
    assert len(stand.ran) == 1


def test_a_first_module_fails(stand: Bench) -> None:
    seen = stand.run(flow(step("a")), path=long_path("/a", 1))
    assert (seen.outcome, seen.result, stand.ran) == ("failure", AT_START, [])
    assert seen.row["flow_status"]["modules"][0]["type"] == "Failure"


def test_a_later_one_fails_its_flow_after_what_was_before_it(stand: Bench) -> None:
    seen = stand.run(flow(step("a"), step("bb")), path=long_path("/a"))
    assert (seen.outcome, seen.result, seen.paths) == ("failure", BETWEEN, ["a"])
    assert [module["type"] for module in seen.row["flow_status"]["modules"]] == [
        "Success",
        "WaitingForPriorSteps",
    ]


@pytest.mark.parametrize(
    ("below", "over", "paths"),
    [("/branchone-1/a", 1, ["branchone-1"]), ("/branchone-1", 1, [])],
    ids=["step", "container"],
)
def test_a_container_fails_with_what_is_too_deep_in_it(
    stand: Bench, below: str, over: int, paths: list[str]
) -> None:
    seen = stand.run(flow(choice("c", {"true": [step("a")]}, [])), path=long_path(below, over))
    assert (seen.outcome, seen.result, seen.paths) == ("failure", AT_START, paths)


def test_a_loop_fails_at_the_turn_whose_number_has_a_digit_too_many(stand: Bench) -> None:
    value = flow(loop("l", "[...Array(11).keys()]", step("a"), parallel=False))
    seen = stand.run(value, path=long_path("/loop-0"))
    assert (seen.outcome, seen.result, len(stand.ran)) == ("failure", BETWEEN, 10)


def test_of_turns_at_once_only_that_one_fails(stand: Bench) -> None:
    value = flow(loop("l", "[...Array(11).keys()]", step("a"), parallel=True))
    seen = stand.run(value, path=long_path("/forloop-0/a"))
    assert seen.outcome == "failure"
    assert (len(stand.ran), seen.result[10]) == (10, AT_START)
