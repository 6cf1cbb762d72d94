from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaflow_windmill.errors import TaskError
from metaflow_windmill.runtime.position.current_job import CurrentJob
from metaflow_windmill.runtime.position.task_ids import read_position, run_id, task_id

positions = st.lists(st.tuples(st.sampled_from(["foreach", "turn"]), st.integers(0, 10**6)), max_size=5)


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ((), "t"),
        ((("foreach", 3),), "t-3"),
        ((("foreach", 3), ("foreach", 0)), "t-3-0"),
        ((("foreach", 3), ("turn", 2)), "t-3.2"),
    ],
)
def test_a_task_is_named_by_its_position(position: tuple[object, ...], expected: str) -> None:
    assert task_id(position) == expected  # type: ignore[arg-type]


@given(positions, positions)
def test_no_two_positions_have_one_name(one: list[object], other: list[object]) -> None:
    names = [task_id(tuple(position)) for position in (one, other)]  # type: ignore[arg-type]
    assert (names[0] == names[1]) == (one == other)
    assert not set("".join(names)) & set(",:!/ ")
    assert not any(name.isdecimal() for name in names)


def test_a_foreach_counts_by_the_value_and_a_recursion_by_the_index() -> None:
    given = {"level_0": {"index": 0, "value": 7}, "level_1": {"index": 2, "value": 2}, "level_2": None}
    assert read_position(("foreach", "turn"), given) == (("foreach", 7), ("turn", 2))


@pytest.mark.parametrize("value", [None, {}, {"value": "3"}, {"value": -2}, {"value": True}, 3])
def test_a_missing_place_is_told(value: object) -> None:
    with pytest.raises(TaskError, match=r"level_0.*Deploy the flow again"):
        read_position(("foreach",), {"level_0": value})


def test_the_run_is_that_of_the_start_step_or_made_of_the_flows_job() -> None:
    assert run_id(CurrentJob(run="a-b"), "windmill-given") == "windmill-given"
    assert run_id(CurrentJob(run="a-b"), None) == "windmill-a-b"
    with pytest.raises(TaskError, match="Run the flow instead"):
        run_id(CurrentJob(), None)
