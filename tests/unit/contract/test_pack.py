"""Packs: written and read back, the levels of their items, and what a job's log says of its tasks."""

from __future__ import annotations

import json

import pytest

from metaflow_windmill.contract.pack import (
    BEFORE,
    Mark,
    Pack,
    before_line,
    begun_line,
    ended_line,
    levels_of,
    read_mark,
    read_task,
)
from metaflow_windmill.contract.task_spec import TaskSpec

LEAF = TaskSpec("work", levels=("foreach", "foreach"), seconds=3)
PACK = Pack((LEAF, TaskSpec("after", levels=("foreach", "foreach"))), items=5)


def test_a_pack_is_read_as_it_was_written() -> None:
    assert read_task(json.loads(json.dumps(PACK.to_json()))) == PACK
    assert read_task(Pack((TaskSpec("a"), TaskSpec("b"))).to_json()) == Pack((TaskSpec("a"), TaskSpec("b")))
    assert read_task(LEAF.to_json()) == LEAF
    assert read_task({"publish": "end"}) is None


def test_a_later_version_may_say_more() -> None:
    said = PACK.to_json()
    said["pack"] |= {"new": 1, "steps": [{**step, "new": 2} for step in said["pack"]["steps"]]}
    assert read_task(said) == PACK


def test_each_item_has_levels_of_its_own() -> None:
    given = {"level_0": {"index": 0, "value": 7}, "level_1": {"index": 2, "value": [4, 6]}, "root": "r"}
    assert list(levels_of(PACK, given)) == [
        {**given, "level_1": {"index": number, "value": number}} for number in (4, 5)
    ]
    assert list(levels_of(Pack(PACK.steps), given)) == [given]


@pytest.mark.parametrize("value", [3, [1], [1, "2"], [True, 2], None])
def test_what_is_no_range_is_left_for_the_position_to_refuse(value: object) -> None:
    given = {"level_1": {"index": 0, "value": value}}
    assert list(levels_of(PACK, given)) == [given]


def test_lines_of_a_log_tell_whose_turn_it_is() -> None:
    task = "Flow/windmill-1/work/t-3"
    assert read_mark(begun_line(task, 2)) == Mark("work/t-3", attempt=2)
    assert read_mark(f"no end of line{begun_line(task, 0)}") == Mark("work/t-3", attempt=0)
    for state in ("done", "failed", "cloned"):
        assert read_mark(ended_line(task, state, 0.25)) == Mark("work/t-3", state=state, seconds=0.25)
    assert read_mark(before_line(task)) == Mark("work/t-3", state=BEFORE)
    for line in ("", "work", f"{task} is fine", f"{begun_line(task, 1)} or so"):
        assert read_mark(line) is None
