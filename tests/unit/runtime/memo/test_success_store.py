"""Which success a task may take: by the key, by who made it, by its age, and only while it is there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import pytest
from tests.support.tasks import MemoryTasks, reads, record, task

from metaflow_windmill.contract.memo import Memo, seconds_of
from metaflow_windmill.runtime.memo.key import key_of
from metaflow_windmill.runtime.memo.lookup import plan
from metaflow_windmill.runtime.memo.success_store import Success, find, keep, usable
from metaflow_windmill.runtime.resumed.origin_run import Clone

if TYPE_CHECKING:
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.runtime.position.tasks import Tasks
    from metaflow_windmill.types import Json

OLD = Success("windmill-old/here/t", 0, 1000.0)
OURS = record()
OTHERS = record(token="other")
BRANCH = record(token="branch", project="p", branch="user.me")
PRODUCTION = record(token="main", project="p", branch="prod.eu")


def taken(by: Record, made_by: Record, **more: Json) -> bool:
    shelf = cast("Tasks", MemoryTasks())
    keep(shelf, made_by, "abcd", OLD)
    return find(shelf, by, "abcd", lambda _: True, **more) == OLD


def test_a_deployment_takes_what_its_own_runs_made() -> None:
    for who in (OURS, BRANCH, PRODUCTION):
        assert taken(who, who)
    assert find(cast("Tasks", MemoryTasks()), OURS, "abcd", lambda _: True) is None


def test_nothing_of_a_branch_gets_into_production() -> None:
    assert taken(BRANCH, PRODUCTION)
    assert not taken(PRODUCTION, BRANCH)
    assert not taken(OTHERS, OURS)
    assert not taken(record(token="their", project="p", branch="user.them"), BRANCH)


def test_what_is_too_old_or_unusable_is_left() -> None:
    kept = MemoryTasks()
    shelf = cast("Tasks", kept)
    keep(shelf, OURS, "abcd", Success(OLD.origin, 0, time.time() - 100))
    assert find(shelf, OURS, "abcd", lambda _: True, 200)
    assert find(shelf, OURS, "abcd", lambda _: True, 50) is None
    assert find(shelf, OURS, "abcd", lambda _: False) is None
    for name in kept.shelf:
        kept.shelf[name] = {"origin": "half"}
    assert find(shelf, OURS, "abcd", lambda _: True) is None


def of_run(**artifacts: Json) -> MemoryTasks:
    tasks = MemoryTasks()
    tasks.ended_well("here/t", **artifacts)
    return tasks


def test_a_success_is_one_whose_own_code_ended_well_and_whose_data_is_there() -> None:
    assert usable(OLD, cast("Tasks", of_run(_success=True)))
    assert not usable(OLD, cast("Tasks", of_run(_success=False)))  # as @catch leaves it
    assert not usable(OLD, cast("Tasks", MemoryTasks()))
    assert not usable(Success(OLD.origin, 1, 1000.0), cast("Tasks", of_run(_success=True)))
    torn = of_run(_success=True)
    torn.torn.add("here/t")
    assert not usable(OLD, cast("Tasks", torn))


@pytest.mark.parametrize(
    ("said", "seconds"),
    [(90, 90), ("90", 90), ("15m", 900), ("12 h", 43_200), ("7d", 604_800), ("2w", 1_209_600)],
)
def test_a_duration_is_seconds_or_has_a_unit(said: object, seconds: int) -> None:
    assert seconds_of(said) == seconds


@pytest.mark.parametrize("said", ["", "soon", -1, 0, True, "1y", 1.5, None])
def test_what_is_no_duration_is_none(said: object) -> None:
    assert seconds_of(said) is None


def parts(memo: Memo, *, levels: list[tuple[str, int]] | None = None, **artifacts: Json) -> dict[str, str]:
    """Return what the key of a task that reads ``before`` is made of."""
    tasks = MemoryTasks()
    tasks.ended_well("before/t", **artifacts)
    made = plan(task(reads("before"), memo=memo, levels=levels or []), ["r/before/t"], cast("Tasks", tasks))
    assert made
    return made.parts


def test_the_key_is_that_of_code_inputs_and_place() -> None:
    memo = Memo("code", "package", {"configs": "c"})
    same = parts(memo, number=1, _graph_info={"run": 1})
    assert key_of(same) == key_of(parts(memo, number=1, _graph_info={"run": 2}))
    others = [
        parts(Memo("other", "package", {"configs": "c"}), number=1),
        parts(Memo("code", "package", {"configs": "d"}), number=1),
        parts(memo, number=2),
        parts(memo, number=1, more=1),
        parts(memo, number=1, levels=[("foreach", 1)]),
    ]
    assert len({key_of(one) for one in (same, *others)}) == 1 + len(others)


def test_what_is_ignored_does_not_count() -> None:
    memo = Memo("code", "package", ignore=("number",))
    assert key_of(parts(memo, number=1)) == key_of(parts(memo, number=2))
    assert key_of(parts(memo, number=1, other=1)) != key_of(parts(memo, number=1, other=2))


def test_a_plan_takes_over_and_leaves_for_others() -> None:
    tasks, memo = MemoryTasks(), Memo("code", "package")
    tasks.ended_well("before/t")
    here = task(reads("before"), memo=memo)
    made = plan(here, ["r/before/t"], cast("Tasks", tasks))
    assert made
    assert made.find() is None
    tasks.ended_well("here/t", _success=False)
    made.keep(0)
    assert made.find() is None
    tasks.ended_well("here/t", _success=True)
    made.keep(0)
    tasks.others = {here.run: tasks}
    assert made.find() == Clone(f"{here.run}/here/t", "t")


def test_a_gang_has_no_plan() -> None:
    assert plan(task(memo=Memo("a", "b"), gang=True), [], cast("Tasks", MemoryTasks())) is None
    assert plan(task(), [], cast("Tasks", MemoryTasks())) is None
