"""Jobs of several tasks, each job in a process of its own with the environment that Windmill gives."""

from __future__ import annotations

import time
from ast import literal_eval
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.support.elsewhere import of_no_use_elsewhere
from tests.support.oracle import Home
from tests.support.patience import patient
from tests.support.step_jobs import Worker, spec

from metaflow_windmill.contract.pack import Pack, read_mark

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.step_jobs import JobEnd

    from metaflow_windmill.types import Json

pytestmark = [pytest.mark.metaflow, of_no_use_elsewhere("it runs the code of steps without a Windmill")]

BEGIN = Pack(
    (
        spec("start"),
        spec("prepare", "start", tells="splits", ranges=3, environment={"OF_PREPARE": "yes"}),
    )
)
WORK = spec("work", "prepare", at="outer", levels=("foreach",), retries=2, user_retries=2)
AFTER = spec("after", "work", levels=("foreach",), retries=1)
ITEMS = Pack((WORK, AFTER), items=3)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    return Worker.at(Home(tmp_path_factory.mktemp("packed")), "packed")


@pytest.fixture
def begun(deployed: Worker) -> Worker:
    """A run of which the first pack is over."""
    worker = deployed.again()
    done = worker.job(BEGIN).ok()
    assert {key: done[key] for key in ("run_id", "step", "task", "foreach", "count", "root")} == {
        "run_id": worker.run_id,
        "step": "prepare",
        "task": "t",
        "foreach": [[0, 3], [3, 6]],
        "count": 6,
        "root": worker.root,
    }
    assert rows(done) == [("start/t", 0, "done"), ("prepare/t", 0, "done")]
    return worker


def rows(told: Json) -> list[tuple[str, int | None, str]]:
    return [(row["task"], row["attempt"], row["state"]) for row in told["tasks"]]


def value(worker: Worker, task: str, name: str) -> Json:
    return literal_eval(worker.seen(task)["artifacts"][name])


def traces(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


def items(worker: Worker, first: int, end: int, **env: str) -> JobEnd:
    return worker.job(ITEMS, items=[first, end], env=env)


def test_each_task_has_a_process_a_folder_and_an_environment_of_its_own(begun: Worker) -> None:
    ran = items(begun, 3, 6)
    assert rows(ran.ok()) == [
        (f"{step}/t-{item}", 0, "done") for item in (3, 4, 5) for step in ("work", "after")
    ]
    tasks = [
        "start/t",
        "prepare/t",
        *(f"{step}/t-{item}" for item in (3, 4, 5) for step in ("work", "after")),
    ]
    seen = {task: begun.seen(task) for task in tasks}
    kept = {
        task: {name: literal_eval(text) for name, text in one["artifacts"].items()}
        for task, one in seen.items()
    }
    assert all(len(one["remembered"]) == 1 for one in kept.values())
    assert (
        len({one["process"] for one in kept.values()})
        == len({one["directory"] for one in kept.values()})
        == 8
    )
    assert [one["left"] for one in kept.values()] == [None] * 8
    assert [task for task, one in kept.items() if one["of_prepare"]] == ["prepare/t"]
    assert [kept[f"after/t-{item}"]["number"] for item in (3, 4, 5)] == [3, 4, 5]
    assert [kept[f"work/t-{item}"]["number"] for item in (3, 4, 5)] == [3, 4, 5]
    assert seen["work/t-4"]["stdout"].split("\n")[0] == "work on 4"
    marks = [mark for line in ran.log.splitlines() if (mark := read_mark(line))]
    assert [(mark.task, mark.attempt, mark.state) for mark in marks[:4]] == [
        ("work/t-3", 0, None),
        ("work/t-3", None, "done"),
        ("after/t-3", 0, None),
        ("after/t-3", None, "done"),
    ]


def test_a_retry_does_what_is_left_and_each_task_counts_its_own_attempts(
    begun: Worker, tmp_path: Path
) -> None:
    env = {"FAILS_1": "2", "FAILS_2": "1", "TRACES": str(tmp_path / "traces")}
    first = items(begun, 0, 3, **env).failed()
    assert (first["name"], first["message"]) == ("ValueError", "no luck with 1")
    assert first["extra"].keys() == {"tasks", "failed_step"}
    assert rows(first["extra"]) == [
        ("work/t-0", 0, "done"),
        ("after/t-0", 0, "done"),
        ("work/t-1", 0, "failed"),
        ("work/t-2", 0, "failed"),
    ]
    assert first["extra"]["tasks"][2]["error"] == "ValueError: no luck with 1"
    second = items(begun, 0, 3, **env).failed()
    assert [state for *_, state in rows(second["extra"])] == ["done before"] * 2 + ["failed", "done", "done"]
    third = items(begun, 0, 3, **env)
    assert rows(third.ok())[2:] == [
        ("work/t-1", 2, "done"),
        ("after/t-1", 0, "done"),
        ("work/t-2", None, "done before"),
        ("after/t-2", None, "done before"),
    ]
    assert sorted(traces(tmp_path / "traces")) == [
        "after/t-0/0",
        "after/t-1/0",
        "after/t-2/0",
        "work/t-0/0",
        "work/t-1/0",
        "work/t-1/1",
        "work/t-1/2",
        "work/t-2/0",
        "work/t-2/1",
    ]


def test_a_task_without_a_further_attempt_ends_the_retries_of_its_job(begun: Worker) -> None:
    for number in range(3):
        failed = items(begun, 0, 2, FAILS_0="9").failed()
        assert failed["extra"].get("final", False) is (number == 2)
        assert failed["extra"]["failed_step"] == "work/t-0"
    assert [state for *_, state in rows(failed["extra"])] == ["failed", "done before", "done before"]


def test_what_is_caught_is_no_failure(begun: Worker) -> None:
    assert rows(items(begun, 0, 1, CAUGHT="yes").ok())[1] == ("after/t-0", 0, "done")
    assert "to be caught" in begun.seen("after/t-0")["artifacts"]["caught"]


def test_a_task_ends_when_its_time_is_over(begun: Worker, tmp_path: Path) -> None:
    hasty = Pack((spec("work", "prepare", at="outer", levels=("foreach",), seconds=3),), items=3)
    env = {"SLOW": "1", "SLOW_FILE": str(tmp_path / "slow")}
    ended = begun.job(hasty, items=[0, 3], env=env).failed()
    assert "longer than the 3 seconds" in ended["message"]
    assert [state for *_, state in rows(ended["extra"])] == ["done", "failed", "done"]
    assert "longer than the 3 seconds" in begun.seen("work/t-1")["stderr"]


def test_a_run_that_takes_too_long_begins_no_further_task(begun: Worker, tmp_path: Path) -> None:
    limited = replace(begun, record=replace(begun.record, workflow_timeout=60))
    env = {"SLOW": "1", "SLOW_FILE": str(tmp_path / "slow")}
    job = limited.start(ITEMS, items=[0, 3], env=env, deadline=time.time() + patient(8))
    ended = job.end(patient(60)).failed()
    assert (ended["name"], ended["extra"]["final"]) == ("WorkflowTimeout", True)
    assert rows(ended["extra"])[-1] == ("work/t-1", 0, "failed")


def test_a_worker_that_dies_loses_the_task_that_ran(begun: Worker, tmp_path: Path) -> None:
    traced, slow = tmp_path / "traces", tmp_path / "slow"
    job = begun.start(ITEMS, items=[0, 3], env={"SLOW": "1", "SLOW_FILE": str(slow), "TRACES": str(traced)})
    while not slow.exists():
        assert job.process.poll() is None
    job.kill()
    again = items(begun, 0, 3, TRACES=str(traced))
    assert rows(again.ok()) == [
        ("work/t-0", None, "done before"),
        ("after/t-0", None, "done before"),
        ("work/t-1", 1, "done"),
        ("after/t-1", 0, "done"),
        ("work/t-2", 0, "done"),
        ("after/t-2", 0, "done"),
    ]
    assert traces(traced).count("work/t-1/0") == traces(traced).count("work/t-1/1") == 1
    assert len(traces(traced)) == len(set(traces(traced)))


def test_the_join_and_what_follows_are_one_job(begun: Worker) -> None:
    items(begun, 0, 3).ok()
    items(begun, 3, 6).ok()
    last = Pack((spec("join", "after", at="each"), spec("end", "join")))
    left = begun.job(last, splits=6, env={"LEAVE": "yes"}).failed()
    assert "exit status 3" in left["message"]
    done = begun.job(last, splits=6)
    assert rows(done.ok()) == [("join/t", None, "done before"), ("end/t", 1, "done")]
    assert value(begun, "join/t", "numbers") == [0, 1, 2, 3, 4, 5]
    assert begun.command("card", "get", f"{begun.run_id}/end/t").startswith("<!DOCTYPE html>")
