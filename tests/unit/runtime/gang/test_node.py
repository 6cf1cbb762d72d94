"""A gang in threads: each node as in its own job, the datastore in memory, time in hundredths of a second."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.support.tasks import MemoryTasks, reads, task

from metaflow_windmill.errors import FINAL, GangError
from metaflow_windmill.runtime.child.deadline import Deadline
from metaflow_windmill.runtime.child.metaflow_commands import Attempt, EndedError
from metaflow_windmill.runtime.child.task_environment import NODES
from metaflow_windmill.runtime.gang.board import Board
from metaflow_windmill.runtime.gang.node import run_node
from metaflow_windmill.runtime.gang.node_watch import Pace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from metaflow_windmill.runtime.child.workplace import Workplace
    from metaflow_windmill.runtime.output.log_streams import LogStream
    from metaflow_windmill.runtime.position.tasks import Tasks
    from metaflow_windmill.types import Json

FAST = Pace(look=0.01, beat=0.02)
HASTY = Pace(look=0.01, beat=0.02, silence=0.3)
SILENT = cast("tuple[LogStream, LogStream]", ())


@dataclass
class Gang:
    """A gang of a run: which nodes have a job, and how each job ended."""

    count: int = 3
    gather: int = 60
    retries: int = 0
    user_retries: int = 0
    deadline: Deadline | None = None
    pace: Pace = FAST
    tasks: MemoryTasks = field(default_factory=MemoryTasks)
    told: list[dict[str, str]] = field(default_factory=list)

    @property
    def board(self) -> Board:
        return Board(cast("Tasks", self.tasks), "here/t")

    def job(self, index: int, run: Callable[[Attempt], Json] | None = None, number: int = 0) -> Json:
        """Run the job of a node; return its outcome, or its error."""
        here = task(
            reads("before"),
            levels=[("node", index)],
            gather=self.gather,
            retries=self.retries,
            user_retries=self.user_retries,
        )
        attempt = Attempt(
            here,
            cast("Tasks", self.tasks),
            number,
            cast("Path", None),
            cast("Workplace", None),
            SILENT,
            self.deadline,
        )

        def told(now: Attempt, environment: dict[str, str]) -> Json:
            self.told.append(environment)
            return run(now) if run else {"node": index, "attempt": now.number}

        try:
            return run_node(attempt, self.count, told, self.pace)
        except EndedError as ended:
            return ended.error

    def jobs(self, *runs: Callable[[Attempt], Json] | None, only: tuple[int, ...] = ()) -> list[Any]:
        """Run the jobs of all nodes, or of some, at once."""
        nodes = only or range(self.count)
        given = [*runs, *([None] * self.count)]
        with ThreadPoolExecutor(self.count) as pool:
            return list(pool.map(lambda node: self.job(node, given[node]), nodes))


def fails(now: Attempt) -> Json:
    raise EndedError(ValueError("boom"), now.number)


def runs_until_another_fails(now: Attempt) -> Json:
    assert now.watch is not None
    with now.watch:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            now.watch.check()
            time.sleep(0.01)
    pytest.fail("nobody told this node that another one failed")


def is_final(error: BaseException) -> bool:
    return bool(vars(error).get(FINAL))


def test_all_begin_together_and_know_each_other() -> None:
    gang = Gang()
    assert gang.jobs() == [{"node": node, "attempt": 0} for node in range(3)]
    told = sorted(gang.told, key=lambda one: one["MF_PARALLEL_NODE_INDEX"])
    assert [one["MF_PARALLEL_NODE_INDEX"] for one in told] == ["0", "1", "2"]
    assert {one["MF_PARALLEL_NUM_NODES"] for one in told} == {"3"}
    assert {one["MF_PARALLEL_CONTROL_TASK_ID"] for one in told} == {"t"}
    assert len({one["MF_PARALLEL_MAIN_IP"] for one in told}) == 1
    nodes = "windmill-r/here/t,windmill-r/here/t_node_1,windmill-r/here/t_node_2"
    assert {one[NODES] for one in told} == {nodes}


def test_a_gang_that_cannot_get_its_workers_says_so_and_begins_nothing() -> None:
    gang = Gang(gather=1)
    first, third = gang.jobs(only=(0, 2))
    assert gang.told == []
    told = "Only 2 of the 3 nodes of step 'here' got a worker within 1 seconds"
    assert told in str(first)
    assert told in str(third)
    late = gang.job(1)
    assert isinstance(late, GangError)
    assert "This gang is over" in str(late)
    assert told in str(late)
    assert all(map(is_final, (first, third, late)))


def test_nodes_without_a_control_task_give_up_too() -> None:
    (error,) = Gang(gather=1).jobs(only=(1,))
    assert "Only 1 of the 3 nodes" in str(error)


def test_a_failed_node_ends_the_others_with_its_reason() -> None:
    errors = Gang().jobs(runs_until_another_fails, fails, runs_until_another_fails)
    assert [type(error) for error in errors] == [GangError, ValueError, GangError]
    assert str(errors[0]) == "Node 1 of the gang failed, so this one was ended too: ValueError: boom"
    assert all(map(is_final, errors))


def test_what_a_node_fails_with_after_another_one_is_told_with_its_cause() -> None:
    def loses_its_connection(now: Attempt) -> Json:
        while gang.board.failure() is None:
            time.sleep(0.01)
        raise EndedError(ConnectionResetError("reset by peer"), now.number)

    gang = Gang(count=2)
    first, _ = gang.jobs(loses_its_connection, fails)
    assert isinstance(first, GangError)
    assert str(first) == (
        "Node 1 of the gang failed: ValueError: boom. "
        "After it, this one failed with ConnectionResetError: reset by peer"
    )
    assert gang.board.failure()["node"] == 1


def test_a_node_that_fails_first_keeps_its_error() -> None:
    gang = Gang(count=2, retries=1)
    error, _ = gang.jobs(fails, runs_until_another_fails)
    assert isinstance(error, ValueError)


def test_all_are_tried_again_also_those_that_were_done() -> None:
    gang = Gang(retries=2, user_retries=2)
    errors = gang.jobs(None, fails)
    assert [type(error) for error in errors] == [GangError, ValueError, GangError]
    assert not any(map(is_final, errors))
    assert gang.jobs() == [{"node": node, "attempt": 0} for node in range(3)]
    assert gang.board.next().closed()


def test_a_job_that_is_begun_again_after_the_end_returns_what_it_had_left() -> None:
    gang = Gang(retries=1, user_retries=1)
    done = gang.jobs()
    assert gang.job(2, fails) == done[2]


def test_a_job_that_is_begun_again_in_the_middle_ends_the_attempt_of_all() -> None:
    gang = Gang(count=2, retries=1, user_retries=1)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(gang.job, 0, runs_until_another_fails)
        gang.board.arrive(1, {"attempt": 0, "address": "a"})  # and its worker died
        while not gang.told:
            time.sleep(0.01)
        again = pool.submit(gang.job, 1)
        assert "Node 1 of the gang failed" in str(first.result())
        assert "its job was begun again" in str(first.result())
        assert gang.job(0) == {"node": 0, "attempt": 0}
        assert again.result() == {"node": 1, "attempt": 0}


def test_a_node_that_gives_no_sign_is_given_up() -> None:
    gang = Gang(count=2, pace=HASTY)
    gang.board.arrive(1, {"attempt": 0, "address": "a"})
    error = gang.job(0, runs_until_another_fails)
    assert "Node 1 of the gang failed" in str(error)
    assert "it gave no sign for 0 seconds" in str(error)


def test_nodes_that_give_signs_are_left_alone() -> None:
    def works(now: Attempt) -> Json:
        assert now.watch is not None
        with now.watch:
            for _ in range(80):  # longer than the silence after which a node is given up
                now.watch.check()
                time.sleep(0.01)
        return {}

    assert Gang(retries=1, pace=HASTY).jobs(works, None, works) == [{}, {"node": 1, "attempt": 0}, {}]


def test_what_cannot_be_tried_again_ends_the_gang_for_good() -> None:
    def ends(now: Attempt) -> Json:
        error = ValueError("no more")
        vars(error)[FINAL] = True
        raise EndedError(error, now.number)

    gang = Gang(retries=3, user_retries=3)
    errors = gang.jobs(runs_until_another_fails, runs_until_another_fails, ends)
    assert all(map(is_final, errors))
    assert "This gang is over" in str(gang.job(0))


def test_the_wait_ends_with_the_run() -> None:
    over = Deadline(time.time() + 0.2, 60)
    (error,) = Gang(deadline=over).jobs(only=(0,))
    assert "longer than the 60 seconds of its --workflow-timeout" in str(error)
    assert is_final(error)


def test_in_the_attempt_of_catch_only_the_control_task_runs() -> None:
    gang = Gang(user_retries=-1)
    assert gang.jobs() == [{"node": 0, "attempt": 0}, *[{"branch": None, "splits": None}] * 2]
    assert len(gang.told) == 1
