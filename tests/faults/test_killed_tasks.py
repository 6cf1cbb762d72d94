"""A job that dies at any point of its life is made up for by the next one, and nothing of the run is lost."""

from __future__ import annotations

import os
import signal
import sys
import time
from ast import literal_eval
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.oracle import ROOT, Home
from tests.support.step_jobs import Worker, spec

if TYPE_CHECKING:
    from metaflow_windmill.contract.task_spec import TaskSpec

pytestmark = pytest.mark.metaflow

START, WORK = spec("start"), spec("work", "start", at="outer", levels=("foreach",))
DATASTORE = "metaflow/datastore/task_datastore.py"

# Where a job dies; which attempt then makes the artifacts that are read; how often the user's code began.
IN_ANY_STEP = {
    "before there is a child": ("runtime/child/workplace.py:_place_store:call", 0, 1),
    "as the attempt begins": ("metaflow/task.py:_init_data:call", 1, 1),
    "before the user's code": ("runtime/child/hooks.py:register:call", 1, 1),
    "inside the user's code": ("counted.py:note:return", 1, 2),
    "before the artifacts are kept": (f"{DATASTORE}:persist:call", 1, 2),
    "after the artifacts are kept": (f"{DATASTORE}:persist:return", 1, 2),
    "before the task is marked as done": (f"{DATASTORE}:done:call", 1, 2),
    "after the task is marked as done": ("runtime/child/hooks.py:finish:call", 1, 2),
    "before the last of the log is kept": ("runtime/child/metaflow_commands.py:outcome_of:return", 1, 2),
    "after the last of the log is kept": ("runtime/child/metaflow_commands.py:keep_note:call", 1, 2),
    "after the outcome is kept": ("runtime/child/metaflow_commands.py:keep_note:return", 0, 1),
    "before the result is returned": ("runtime/attempt/result.py:result:call", 0, 1),
}
NOT_RUN_AGAIN = {"after the outcome is kept", "before the result is returned"}
IN_THE_START_STEP = {
    "before there are parameters": ("metaflow/runtime.py:persist_constants:call", "5"),
    "while the parameters are kept": (f"{DATASTORE}:persist:return", "5"),
    "after the parameters are kept": ("metaflow/runtime.py:persist_constants:return", "1"),
}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    return Worker.at(Home(tmp_path_factory.mktemp("killed")), "counted")


@pytest.fixture(scope="module")
def started(deployed: Worker) -> Worker:
    """A run whose start step is over."""
    deployed.job(START, env=traces(deployed)).ok()
    return deployed


def killer(point: str) -> dict[str, str]:
    """The environment that kills a job at a point."""
    return {"PYTHONPATH": str(ROOT / "tests/support/kill_at"), "KILL_AT": point}


def dies(worker: Worker, task: TaskSpec, *at: int, env: dict[str, str]) -> None:
    end = worker.job(task, *at, env={**traces(worker), **env})
    assert (end.status, end.result) == (-signal.SIGKILL, None), end


def traces(worker: Worker) -> dict[str, str]:
    return {"TRACES": str(worker.home.root / f"traces-{worker.root}")}


def times_run(worker: Worker, task: str) -> int:
    return Path(traces(worker)["TRACES"]).read_text().splitlines().count(task)


@pytest.mark.parametrize("where", IN_ANY_STEP)
def test_a_step_that_dies(started: Worker, where: str) -> None:
    point, attempt, runs = IN_ANY_STEP[where]
    split = list(IN_ANY_STEP).index(where)
    dies(started, WORK, split, env=killer(point))
    end = started.job(WORK, split, env=traces(started))
    result = end.ok()
    how = "had ended before this job began" if where in NOT_RUN_AGAIN else "succeeded"
    assert result.pop("summary").startswith(f"work/t-{split} {how}")
    assert result == {"run_id": started.run_id, "step": "work", "task": f"t-{split}"}
    seen = started.seen(f"work/t-{split}")
    assert (seen["attempt"], literal_eval(seen["artifacts"]["attempt"])) == (attempt, attempt)
    assert seen["successful"]
    assert times_run(started, f"work/t-{split}") == runs
    assert seen["stdout"] == f"the code of attempt {attempt}\nthe last words of attempt {attempt}\n"


@pytest.mark.parametrize("where", IN_THE_START_STEP)
def test_a_start_step_that_dies(deployed: Worker, where: str) -> None:
    worker = deployed.again()
    point, number = IN_THE_START_STEP[where]
    dies(worker, START, env=killer(point))
    worker.job(START, env=traces(worker), parameters={"number": 5}).ok()
    assert times_run(worker, "start/t") == 1
    seen = worker.seen("start/t")
    assert seen["successful"]
    assert seen["artifacts"]["number"] == number


def test_a_package_that_is_half_unpacked(started: Worker, tmp_path: Path) -> None:
    cache = {"METAFLOW_WINDMILL_CACHE": str(tmp_path / "cache")}
    for point in (
        "a_step.py:check:return",
        "a_step.py:keep:return",
        "a_step.py:spread:return",
        "a_step.py:compile_all:return",
    ):
        dies(started, WORK, 20, env={**killer(point), **cache})
        (leftover,) = (tmp_path / "cache").glob(".*")
        assert leftover.name.startswith(f".{started.record.package.sha}.")
        leftover.rename(tmp_path / point)
    started.job(WORK, 20, env={**traces(started), **cache}).ok()
    names = {entry.name for entry in (tmp_path / "cache").iterdir()}
    assert names == {started.record.package.sha, f"bytecode-{sys.implementation.cache_tag}", "files", "sizes"}


def test_the_users_code_dies_with_the_job(started: Worker) -> None:
    job = started.start(WORK, 21, env={**traces(started), "SLOW": "1"})
    deadline = time.monotonic() + 60
    while times_run(started, "work/t-21") == 0:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (child,) = Path(f"/proc/{job.process.pid}/task/{job.process.pid}/children").read_text().split()
    os.kill(job.process.pid, signal.SIGKILL)  # the parent only
    job.end()
    while Path(f"/proc/{child}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_silent_task_does_not_outlive_its_worker(started: Worker) -> None:
    job = started.start(WORK, 22, env={**traces(started), "SLOW": "1"})
    deadline = time.monotonic() + 60
    while times_run(started, "work/t-22") == 0:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    for pipe in (job.process.stdout, job.process.stderr):
        assert pipe is not None
        pipe.close()  # as the death of the worker alone does
    assert job.process.wait(60) != 0
    started.job(WORK, 22, env=traces(started)).ok()
    seen = started.seen("work/t-22")
    assert (seen["attempt"], seen["successful"]) == (1, True)
