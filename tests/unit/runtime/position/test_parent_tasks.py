from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tasks import RUN, MemoryTasks, reads, task

from metaflow_windmill.errors import TaskError
from metaflow_windmill.runtime.position.parent_tasks import input_paths, last_turns
from metaflow_windmill.runtime.position.task_ids import UNBOUNDED

if TYPE_CHECKING:
    from metaflow_windmill.runtime.position.identity import Task
    from metaflow_windmill.runtime.position.tasks import Tasks


def parents(of: Task, splits: int | None, tasks: MemoryTasks) -> list[str]:
    return input_paths(of, splits, cast("Tasks", tasks))


def paths(*names: str) -> list[str]:
    return [f"{RUN}/{name}" for name in names]


def test_the_start_step_reads_the_parameters() -> None:
    assert parents(task(), None, MemoryTasks()) == paths("_parameters/t-params")


def test_what_the_position_says_is_not_asked_for() -> None:
    tasks = MemoryTasks()
    here = [("foreach", 3), ("foreach", 1)]
    assert parents(task(reads("a"), levels=here), None, tasks) == paths("a/t-3-1")
    assert parents(task(reads("a", at="outer"), levels=here), None, tasks) == paths("a/t-3")
    assert parents(task(reads("a"), reads("b")), None, tasks) == paths("a/t", "b/t")
    join = task(reads("a", at="each"), levels=here[:1])
    assert parents(join, 3, tasks) == paths("a/t-3-0", "a/t-3-1", "a/t-3-2")
    assert tasks.asked == 0


def test_of_several_candidates_the_latest_in_the_graph_is_the_parent() -> None:
    merge = task(reads("late", "middle", "early"))
    assert parents(merge, None, MemoryTasks({"early/t"})) == paths("early/t")
    assert parents(merge, None, MemoryTasks({"early/t", "middle/t"})) == paths("middle/t")


def test_a_task_without_a_parent_says_where_it_looked() -> None:
    merge = task(reads("late", "early"), levels=[("foreach", 2)])
    with pytest.raises(TaskError, match=r"\(late, early\) has a task t-2\. Check"):
        parents(merge, None, MemoryTasks({"late/t-1"}))


def test_a_join_of_thousands_asks_once_for_each_candidate() -> None:
    chosen = {f"{'late' if split % 3 else 'early'}/t-{split}" for split in range(5000)}
    tasks = MemoryTasks(chosen)
    join = task(reads("late", "early", at="each"))
    expected = paths(*(f"{'late' if split % 3 else 'early'}/t-{split}" for split in range(5000)))
    assert parents(join, 5000, tasks) == expected
    assert tasks.asked == 2


def test_a_join_without_the_number_of_splits_is_told() -> None:
    with pytest.raises(TaskError, match="no number of splits to step 'here'"):
        parents(task(reads("a", at="each")), None, MemoryTasks())


def test_a_turn_reads_the_turn_before_it_and_the_first_one_what_comes_before() -> None:
    entry = reads("a")
    around: list[list[tuple[str, int]]] = [[], [("foreach", 4)]]
    for levels in around:
        place = "".join(f"-{number}" for _, number in levels)
        first = task(entry, levels=[*levels, ("turn", 0)], recursive=True)
        third = task(entry, levels=[*levels, ("turn", 2)], recursive=True)
        assert parents(first, None, MemoryTasks()) == paths(f"a/t{place}")
        assert parents(third, None, MemoryTasks()) == paths(f"here/t{place}.1")


def test_a_recursive_first_step_of_a_body_reads_the_foreach() -> None:
    first = task(reads("a", at="outer"), levels=[("foreach", 4), ("turn", 0)], recursive=True)
    assert parents(first, None, MemoryTasks()) == paths("a/t")


def test_after_a_recursion_the_last_turn_is_the_parent() -> None:
    tasks = MemoryTasks({f"loop/t.{turn}" for turn in range(11)})
    assert parents(task(reads("again:loop")), None, tasks) == paths("loop/t.10")


def test_a_join_finds_the_last_turns_of_all_splits_at_once() -> None:
    turns = {split: split * 7 % 40 for split in range(300)}
    tasks = MemoryTasks({f"loop/t-{split}.{turn}" for split in turns for turn in range(turns[split] + 1)})
    join = task(reads("again:loop", at="each"))
    assert parents(join, 300, tasks) == paths(*(f"loop/t-{split}.{turns[split]}" for split in turns))
    assert tasks.asked < 16


def test_a_join_of_a_gang_reads_the_nodes_that_there_were() -> None:
    control = "train/t-2"
    nodes = paths(control, f"{control}_node_1")
    tasks = MemoryTasks(artifacts={(control, "_control_mapper_tasks"): nodes})
    assert parents(task(reads("train", at="gang"), levels=[("foreach", 2)]), 7, tasks) == nodes


def test_a_join_of_an_unbounded_foreach_reads_what_its_control_task_started() -> None:
    control = "train/t-2-control"
    started = paths(f"{control}-0", f"{control}-1")
    tasks = MemoryTasks(artifacts={(control, "_control_mapper_tasks"): started})
    assert parents(task(reads("train", at="each"), levels=[("foreach", 2)]), UNBOUNDED, tasks) == started


@given(st.lists(st.integers(0, 500), max_size=20))
def test_finding_the_last_turn_takes_few_questions(lasts: list[int]) -> None:
    asked = []

    def there(questions: list[tuple[int, int]]) -> list[bool]:
        asked.append(questions)
        return [turn <= lasts[index] for index, turn in questions]

    assert last_turns(range(len(lasts)), there) == dict(enumerate(lasts))
    assert len(asked) <= 2 * max(lasts, default=0).bit_length() + 1
