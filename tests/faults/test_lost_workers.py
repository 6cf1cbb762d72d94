"""A task whose worker goes away in the middle: run again as often as it may be; none of it a failure."""

from __future__ import annotations

import signal
import time
from ast import literal_eval
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING

import pytest
from tests.support.oracle import Home
from tests.support.step_jobs import Worker, spec

from metaflow_windmill.devserver.engine.births import new_job_id

if TYPE_CHECKING:
    from tests.support.step_jobs import JobEnd

    from metaflow_windmill.contract.task_spec import TaskSpec

pytestmark = pytest.mark.metaflow

START = spec("start")
PLAIN = spec("plain", "start", at="outer", levels=("foreach",))
CAUGHT = spec("caught", "plain", levels=("foreach",), retries=1)
_splits = count()


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    made = Worker.at(Home(tmp_path_factory.mktemp("lost")), "lost")
    made.job(START).ok()
    return made


@dataclass(frozen=True)
class Case:
    """One task, job after job: `job` makes another one, as Windmill does after a failure that it counted."""

    worker: Worker
    task: TaskSpec
    split: int = field(default_factory=lambda: next(_splits))
    id: str = field(default_factory=lambda: new_job_id(int(time.time() * 1_000_000)))

    def next_job(self) -> Case:
        """Return the same task with a job that is made now."""
        return replace(self, id=new_job_id(int(time.time() * 1_000_000)))

    def life(self, happens: str = "") -> JobEnd:
        """Run the job, under the same id each time, as Windmill does once its worker is lost."""
        return self.worker.job(self.task, self.split, env={"WM_JOB_ID": self.id, "HAPPENS": happens})

    def lost(self) -> None:
        """Lose the worker in the middle of the user's code."""
        assert self.life("lost").status == -signal.SIGKILL

    def attempt(self) -> int:
        """The attempt that ended well."""
        seen = self.worker.seen(f"{self.task.step}/t-{self.split}")
        assert seen["successful"]
        return int(literal_eval(seen["artifacts"]["ran_at"]))


def test_nobody_said_anything_and_it_runs_again(worker: Worker) -> None:
    case = Case(worker, PLAIN)
    case.lost()
    case.lost()
    case.life().ok()
    assert case.attempt() == 2


def test_catch_is_for_what_the_code_raises_and_not_for_a_lost_worker(worker: Worker) -> None:
    case = Case(worker, CAUGHT)
    replace(case, task=PLAIN).life().ok()
    case.lost()
    case.life().ok()
    assert case.attempt() == 1
    seen = worker.seen(f"caught/t-{case.split}")
    assert literal_eval(seen["artifacts"]["problem"]) is None


@pytest.mark.parametrize("times", [0, 1])
def test_no_more_often_than_it_says(worker: Worker, times: int) -> None:
    case = Case(worker, replace(PLAIN, retry_lost=times))
    for _ in range(times + 1):
        case.lost()
    error = case.life().failed()
    assert error["extra"]["final"] is True
    assert f"The worker of step 'plain' was lost {times + 1} times" in error["message"]
    assert "resume" in error["message"]


def test_what_the_code_raises_is_not_retried_for_it(worker: Worker) -> None:
    case = Case(worker, replace(PLAIN, retry_lost=2))
    error = case.life("fails").failed()
    assert (error["name"], error["extra"]["final"]) == ("ValueError", True)


def test_retries_and_lost_workers_are_counted_apart(worker: Worker) -> None:
    case = Case(worker, replace(PLAIN, retry_lost=2, retries=1, user_retries=1))
    case.lost()
    assert "final" not in case.life("fails").failed().get("extra", {})
    case = case.next_job()
    case.lost()
    assert case.life("fails").failed()["extra"]["final"] is True


def test_a_job_that_windmill_gave_up_for_its_workers(worker: Worker) -> None:
    """Its module has further attempts for that, each a job of its own."""
    case = Case(worker, replace(PLAIN, retry_lost=1))
    case.lost()
    case = case.next_job()
    case.life().ok()
    assert case.attempt() == 1


def test_what_windmill_ended_for_its_time_limit_is_a_failure(worker: Worker) -> None:
    case = Case(worker, replace(CAUGHT, retry_lost=1, limit=1))
    replace(case, task=PLAIN).life().ok()
    case.lost()
    time.sleep(1)  # its limit: the next job is made so long after the attempt began
    case = case.next_job()
    case.life().ok()
    seen = worker.seen(f"caught/t-{case.split}")
    assert "execution environment" in seen["artifacts"]["problem"]
