from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tasks import RUN, task

from metaflow_windmill.runtime.attempt.result import result
from metaflow_windmill.runtime.position.task_ids import UNBOUNDED

PLAIN = {"run_id": RUN, "step": "here", "task": "t-3"}
HERE = [("foreach", 3)]


@pytest.mark.parametrize(
    ("outcome", "more"),
    [
        ({"branch": None, "splits": None}, {}),
        ({"branch": "left", "splits": None}, {"branch": "left"}),
        ({"branch": None, "splits": 3}, {"foreach": [0, 1, 2], "count": 3}),
        ({"branch": None, "splits": UNBOUNDED}, {"foreach": [UNBOUNDED], "count": UNBOUNDED}),
    ],
)
def test_a_result_is_small(outcome: dict[str, object], more: dict[str, object]) -> None:
    assert result(task(levels=HERE), outcome) == {**PLAIN, **more}


def test_an_unbounded_foreach_takes_one_lane() -> None:
    assert result(task(lanes=4), {"branch": None, "splits": UNBOUNDED})["foreach"] == [[UNBOUNDED]]


def test_an_unbounded_foreach_takes_one_chunk() -> None:
    told = result(task(chunks=True), {"branch": None, "splits": UNBOUNDED})
    assert told["foreach"] == [[UNBOUNDED, 1, 1]]


@given(st.integers(0, 3000))
def test_chunks_are_about_as_many_as_each_has_splits(splits: int) -> None:
    told = result(task(chunks=True), {"branch": None, "splits": splits})
    dealt = [numbers(chunk) for chunk in told["foreach"]]
    assert [split for chunk in dealt for split in chunk] == list(range(splits))
    most = max(map(len, dealt), default=0)
    assert most**2 <= 4 * splits
    assert len(dealt) <= most


@given(st.integers(1, 3000), st.integers(1, 50))
def test_each_lane_has_chunks_of_its_own(splits: int, lanes: int) -> None:
    told = result(task(chunks=True, lanes=lanes), {"branch": None, "splits": splits})
    plain = result(task(lanes=lanes), {"branch": None, "splits": splits})
    assert [[n for chunk in lane for n in numbers(chunk)] for lane in told["foreach"]] == plain["foreach"]
    assert all(len(lane) <= max(chunk[1] for chunk in lane) for lane in told["foreach"])


def test_what_each_task_looks_into_does_not_hold_a_number_for_each_split() -> None:
    """A server reads the whole result for each part of it that a task is given."""
    few, many = (len(str(result(task(chunks=True), {"branch": None, "splits": n}))) for n in (500, 50_000))
    assert many < 14 * few


def numbers(chunk: list[int]) -> list[int]:
    """Return the numbers of a chunk as the flow's JavaScript does."""
    first, count, step = chunk
    return [first + at * step for at in range(count)]


@given(st.integers(1, 200), st.integers(1, 50))
def test_lanes_share_the_splits_evenly_and_each_in_order(splits: int, lanes: int) -> None:
    told = result(task(lanes=lanes), {"branch": None, "splits": splits})
    dealt = told["foreach"]
    assert told["lanes"] == list(range(len(dealt)))
    assert sorted(split for lane in dealt for split in lane) == list(range(splits))
    assert len(dealt) == min(lanes, splits)
    sizes = [len(lane) for lane in dealt]
    assert max(sizes) - min(sizes) <= 1
    assert all(lane == sorted(lane) for lane in dealt)


@given(st.integers(1, 200), st.integers(1, 50), st.sampled_from([None, 1, 3, 40]))
def test_ranges_hold_each_split_once_and_lanes_share_them(splits: int, most: int, lanes: int | None) -> None:
    dealt = result(task(lanes=lanes, ranges=most), {"branch": None, "splits": splits})["foreach"]
    turns = [turn for lane in dealt for turn in lane] if lanes else dealt
    assert sorted(number for first, end in turns for number in range(first, end)) == list(range(splits))
    assert all(0 < end - first <= most for first, end in turns)
    assert len(turns) == -(-splits // most)
    assert lanes is None or len(dealt) == min(lanes, len(turns))


def test_an_unbounded_foreach_is_one_range() -> None:
    assert result(task(ranges=4), {"branch": None, "splits": UNBOUNDED})["foreach"] == [[-1, 0]]
