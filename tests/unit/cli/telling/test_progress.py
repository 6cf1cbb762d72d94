"""The numbers of each step: what was done, failed, was tried again, and how much there will be."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from tests.support.answering import Answering

from metaflow_windmill.cli.flow.telling.progress import Progress, Splits, StepRow
from metaflow_windmill.client.models import Job, JobState
from metaflow_windmill.runs.expected_tasks import Planned
from metaflow_windmill.runs.watch import TaskEvent, TaskJob

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
PLAN = {"start": Planned(), "work": Planned("start"), "maybe": Planned(certain=False)}


def event(
    name: str,
    state: JobState,
    attempt: int = 0,
    job: str = "",
    *,
    labels: tuple[str, ...] = (),
    second: int = 0,
) -> TaskEvent:
    step, _, id_ = name.partition("/")
    one = Job(job or name, state, "", labels=labels)
    return TaskEvent(TaskJob(one, step, id_ or None, attempt), state.final, START + timedelta(seconds=second))


def begin(name: str, **told: object) -> TaskEvent:
    return event(name, JobState.RUNNING, **told)  # type: ignore[arg-type]


def row(progress: Progress, step: str) -> StepRow:
    return next(row for row in progress.rows() if row.step == step)


def test_all_steps_are_there_before_they_begin_in_the_order_of_the_flow() -> None:
    rows = Progress(PLAN).rows()
    assert [(row.step, row.total, row.counts(), row.begun) for row in rows] == [
        ("start", 1, "to come", False),
        ("work", None, "", False),
        ("maybe", None, "", False),
    ]


def test_a_foreach_is_counted_against_its_splits() -> None:
    progress = Progress(PLAN, clock=lambda: 7.0)
    for number in range(3):
        progress.take(begin(f"work/t-{number}", second=number))
    assert row(progress, "work").counts() == "3 running"
    progress.expect("start", 30)
    progress.take(event("work/t-0", JobState.SUCCEEDED, second=5))
    progress.take(event("work/t-1", JobState.FAILED, second=6))
    seen = row(progress, "work")
    assert (seen.counts(), seen.running, seen.names) == ("1 of 30, 1 failed", 1, ("t-2",))
    assert seen.elapsed(10.0) == 3.0
    progress.take(begin("work/t-1", attempt=1, job="again"))
    assert row(progress, "work").counts() == "1 of 30, 1 retried"
    progress.take(event("work/t-1", JobState.FAILED, attempt=1, job="again", second=8))
    progress.take(event("work/t-2", JobState.CANCELED, second=9))
    last = row(progress, "work")
    assert last.counts() == "1 of 30, 1 failed, 1 stopped, 1 retried"
    assert (last.running, last.elapsed(100.0)) == (0, 9.0)


def test_splits_of_a_nested_foreach_add_up_and_one_that_nobody_knows_makes_the_sum_unknown() -> None:
    progress = Progress(PLAN)
    progress.expect("start", 2)
    progress.expect("start", 3)
    assert row(progress, "work").total == 5
    progress.expect("start", None)
    progress.expect("start", 3)
    assert row(progress, "work").total is None


@pytest.mark.parametrize(
    ("state", "labels", "said"),
    [
        (JobState.RUNNING, (), "running"),
        (JobState.SUCCEEDED, (), "done"),
        (JobState.SUCCEEDED, ("metaflow", "cloned"), "cloned"),
        (JobState.FAILED, (), "failed"),
        (JobState.CANCELED, (), "stopped"),
    ],
)
def test_a_step_of_one_task_is_told_by_a_word(state: JobState, labels: tuple[str, ...], said: str) -> None:
    progress = Progress(PLAN)
    progress.take(begin("start/t"))
    if state.final:
        progress.take(event("start/t", state, labels=labels))
    assert row(progress, "start").counts() == said


def test_a_choice_or_a_recursion_is_counted_without_a_total() -> None:
    progress = Progress(PLAN)
    for turn in range(2):
        progress.take(begin(f"maybe/t.{turn}"))
        progress.take(event(f"maybe/t.{turn}", JobState.SUCCEEDED))
    assert row(progress, "maybe").counts() == "2 done"
    progress.take(begin("unheard_of/t"))
    assert row(progress, "unheard_of").counts() == "1 running"


def test_clones_count_as_done_and_are_told() -> None:
    progress = Progress(PLAN)
    progress.expect("start", 2)
    for number, labels in ((0, ("cloned",)), (1, ())):
        progress.take(begin(f"work/t-{number}"))
        progress.take(event(f"work/t-{number}", JobState.SUCCEEDED, labels=labels))
    assert row(progress, "work").counts() == "2 of 2, 1 cloned"


def test_the_splits_are_asked_for_once_and_a_pack_tells_them_at_its_end() -> None:
    result = "GET /jobs_u/completed/get_result_maybe/"
    told = {"completed": True, "success": True, "result": {"count": 30, "foreach": [0]}}
    server = Answering({f"{result}one": told, f"{result}pack": [{"completed": False}, told]})
    progress = Progress(PLAN)
    splits = Splits(server.windmill, progress.loops)
    assert progress.loops == {"start"}
    splits.took(TaskJob(Job("one", JobState.SUCCEEDED, ""), "start"))
    splits.took(TaskJob(Job("two", JobState.SUCCEEDED, ""), "work"))
    splits.took(TaskJob(Job("three", JobState.FAILED, ""), "start"))
    pack = Job("pack", JobState.RUNNING, "")
    splits.took(TaskJob(replace(pack, state=JobState.SUCCEEDED), "start", part="start/t", whole=pack))
    splits.told(progress)
    assert row(progress, "work").total == 30
    splits.told(progress)
    splits.told(progress)
    assert row(progress, "work").total == 60
    assert len(server.asked) == 3
