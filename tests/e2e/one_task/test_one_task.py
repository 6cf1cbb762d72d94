"""Single jobs of real flows, each in a process of its own with the environment that Windmill gives."""

from __future__ import annotations

import re
from ast import literal_eval
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.elsewhere import of_no_use_elsewhere
from tests.support.oracle import Home
from tests.support.scripted_server import answer, scripted_server
from tests.support.step_jobs import TOKEN, Worker, spec

from metaflow_windmill.contract.record import StoreInfo

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

pytestmark = [pytest.mark.metaflow, of_no_use_elsewhere("it runs the code of a step without a Windmill")]

WORK = spec("work", "start", at="outer", levels=("foreach",))


def value(seen: Json, name: str) -> Json:
    return literal_eval(seen["artifacts"][name])


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    home = Home(tmp_path_factory.mktemp("looks"))
    home.write("helper", "WORD = 'helped'\n")
    home.write("wrapper", "WORD = 'not that of the worker'\n")
    return Worker.at(home, "looks", tags=("a-tag",))


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """A run whose start step is over; each test takes splits of its own."""
    home = Home(tmp_path_factory.mktemp("faults"))
    home.write("counter", "0")
    worker = Worker.at(home, "faults")
    assert worker.job(spec("start")).ok()["count"] == len(worker.job(spec("start")).ok()["foreach"]) == 100
    return worker


@pytest.fixture(scope="module")
def decorated(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """A run whose start step is over."""
    worker = Worker.at(Home(tmp_path_factory.mktemp("decorated")), "decorated")
    assert worker.job(spec("start")).ok()
    return worker


class TestAFlowOfThreeSteps:
    def test_sees_what_a_script_would_see(self, looks: Worker) -> None:
        worker = looks.again()
        start = worker.job(spec("start"))
        result = start.ok()
        assert result.pop("summary").startswith("start/t succeeded in ")
        assert result.pop("wm_labels") == ["a-tag"]
        assert result == {"run_id": worker.run_id, "step": "start", "task": "t", "root": worker.root}
        seen = worker.seen("start/t")
        assert value(seen, "given") == [7, "plain", {"a": [1]}, ["x", "y"], None, True]
        words = value(seen, "seen")
        assert words[:2] == ["helped", "not that of the worker"]
        assert {"helper.py", "looks.py", ".metaflow"} <= set(words[2])
        assert value(seen, "packaged") == "WORD = 'helped'\n"
        file, first, directory = value(seen, "path")
        assert file == f"{first}/looks.py"
        assert directory.startswith(str(looks.home.root / "jobs"))
        assert not (looks.home.root / "cache" / looks.record.package.sha / "written.txt").exists()

    def test_runs_threads_and_processes_and_waits_for_them(self, looks: Worker) -> None:
        worker = looks.again()
        worker.job(spec("start")).ok()
        runs = worker.job(spec("runs", "start"))
        assert runs.ok()["task"] == "t"
        assert "a thread ended late" in runs.log
        seen = worker.seen("runs/t")
        assert (value(seen, "main_thread"), value(seen, "threads"), value(seen, "forked")) == (
            True,
            [1, 2],
            [3],
        )
        worker.job(spec("end", "runs")).ok()
        assert value(worker.seen("end/t"), "is_same") is True

    def test_never_sees_the_token(self, looks: Worker) -> None:
        worker = looks.again()
        start = worker.job(spec("start"))
        environments = worker.seen("start/t")["artifacts"]["environments"]
        assert "WM_WORKSPACE" in environments
        assert TOKEN not in environments
        assert TOKEN not in start.log + start.errors + str(start.ok())

    def test_takes_parameters_of_any_size_and_type(self, looks: Worker) -> None:
        worker = looks.again()
        given = {
            "number": 3.0,
            "a-text": "--x=$HOME `id` " + "é" * 300_000,
            "items": [1, {"b": None}],
            "parts": ["1", "2"],
            "nothing": None,
            "flag": False,
            "iter": {"index": 0},
        }
        worker.job(spec("start"), parameters=given).ok()
        seen = worker.seen("start/t")
        number, text, items, parts, nothing, flag = value(seen, "given")
        assert (number, items, parts, nothing, flag) == (3, [1, {"b": None}], ["1", "2"], None, False)
        assert text == given["a-text"]

    def test_refuses_a_parameter_as_metaflow_does(self, looks: Worker) -> None:
        error = looks.again().job(spec("start"), parameters={"number": "many"}).failed()
        assert error["name"] == "BadParameter"
        assert "many is not a valid integer" in error["message"]

    def test_is_told_of_in_tags_and_metadata(self, looks: Worker) -> None:
        worker = looks.again()
        with scripted_server(answer({"scheduled_for": "2026-03-01T12:00:00Z"})) as server:
            env = {"WM_SCHEDULE_PATH": "f/flows/Tested", "BASE_INTERNAL_URL": server.url}
            worker.job(spec("start"), env=env).ok()
        seen = worker.seen("start/t")
        assert {"runtime:windmill", "production:token-of-tests"} <= set(seen["system_tags"])
        assert "a-tag" in seen["tags"]
        metadata = seen["metadata"]
        assert metadata["windmill-flow-job-id"] == worker.root
        assert worker.record.package.sha in metadata["code-package"]
        assert metadata["windmill-workspace"] == "admins"
        assert metadata["windmill-flow-path"] == "f/flows/Tested"
        assert metadata["windmill-schedule-path"] == "f/flows/Tested"
        job = metadata["windmill-job-id"]
        assert metadata["windmill-job-url"] == f"http://windmill.test/run/{job}?workspace=admins"

    def test_needs_nothing_but_requests_on_the_worker(self, looks: Worker) -> None:
        worker = bare(looks.again())
        worker.job(spec("start")).ok()
        worker.job(spec("runs", "start")).ok()
        assert worker.job(spec("end", "runs")).ok()["step"] == "end"
        assert worker.seen("end/t")["successful"]


class TestATaskThatDoesNotEndWell:
    """Each test has a split of its own, in one run."""

    def test_fails_as_the_users_exception(self, faults: Worker) -> None:
        end = faults.job(WORK, 0, env={"HOW": "raise"})
        assert (end.failed()["name"], end.failed()["message"]) == ("ValueError", "not good: raise")
        assert "extra" not in end.failed()
        frames = re.findall(r'File ".*/(.*)", line \d+, in (.*)', end.failed()["stack"])
        assert frames[:2] == [("a_step.py", "main"), ("task.py", "run_task")]
        assert frames[2:] == [("faults.py", "work"), ("faults.py", "<lambda>"), ("faults.py", "deeper")]
        assert 'raise ValueError(f"not good: {value}")' in end.failed()["stack"]
        assert "ValueError: not good: raise" in end.errors
        seen = faults.seen("work/t-0")
        assert not seen["successful"]
        assert "not good: raise" in seen["exception"]
        assert seen["stdout"] == "before the end\n"
        assert "beside the output\n" in seen["stderr"]
        assert "ValueError: not good: raise" in seen["stderr"]

    @pytest.mark.parametrize(
        ("split", "how", "name", "words"),
        [
            (2, "exit", "TaskError", "left the process with exit status 3 before its end"),
            (3, "exit well", "TaskError", "left the process with exit status 0 before its end"),
            (4, "exit with words", "TaskError", "left the process with exit status 1 before its end"),
            (5, "vanish", "TaskError", "left the process with exit status 0 before its end"),
            (6, "no retry", "RetryNotAllowed", "do not retry"),
            (7, "terminated", "TaskError", "SIGTERM"),
            (8, "crash", "TaskError", "a segmentation fault, SIGSEGV"),
            (9, "unpicklable", "UnpicklableArtifactException", "bad"),
            (10, "recursion", "RecursionError", "maximum recursion depth exceeded"),
        ],
    )
    def test_says_what_happened(self, faults: Worker, split: int, how: str, name: str, words: str) -> None:
        error = faults.job(WORK, split, env={"HOW": how}).failed()
        assert error["name"] == name
        assert words in error["message"]

    def test_may_not_make_a_foreach_that_would_lose_items(self, faults: Worker) -> None:
        error = faults.again().job(spec("start"), env={"HOW": "a set"}).failed()
        assert (error["name"], error["extra"]) == ("RetryNotAllowed", {"final": True})
        assert "Step 'start' makes a foreach over self.items, which is a set" in error["message"]

    def test_killed_for_its_memory_keeps_its_logs(self, faults: Worker) -> None:
        error = faults.job(WORK, 11, env={"HOW": "killed"}).failed()
        assert "was killed (SIGKILL)" in error["message"]
        assert "memory" in error["message"]
        logs = faults.command("logs", f"{faults.run_id}/work/t-11")
        assert "before the end" in logs
        assert "beside the output" in logs
        assert "Step 'work' was killed (SIGKILL)" in logs

    def test_has_a_small_error_whatever_its_message(self, faults: Worker) -> None:
        error = faults.job(WORK, 12, env={"HOW": "long"}).failed()
        assert error["name"] == "ValueError"
        assert len(error["message"]) < 25_000
        assert error["message"].endswith("(cut; the log has all of it)")

    def test_runs_exit_handlers(self, faults: Worker) -> None:
        assert "an exit handler ran" in faults.job(WORK, 13, env={"HOW": "late"}).log

    def test_changes_files_of_the_package_for_itself_alone(self, faults: Worker) -> None:
        again = faults.again()
        again.job(spec("start")).ok()
        for worker, split in ((faults, 20), (faults, 21), (again, 0)):
            worker.job(WORK, split, env={"HOW": "counts"}).ok()
            assert value(worker.seen(f"work/t-{split}"), "counted") == 2

    def test_is_begun_again_as_the_next_attempt_and_no_more_than_six_times(self, faults: Worker) -> None:
        for _ in range(5):
            faults.job(WORK, 14, env={"HOW": "raise"}).failed()
        faults.job(WORK, 14, env={"HOW": "killed"}).failed()
        error = faults.job(WORK, 14, env={"HOW": "well"}).failed()
        assert (error["name"], error["extra"]) == ("RetryNotAllowed", {"final": True})
        assert "begun 6 times" in error["message"]

    def test_that_did_end_well_is_not_run_again_in_the_same_run(self, faults: Worker) -> None:
        first = faults.job(WORK, 15, env={"HOW": "well"})
        second = faults.job(WORK, 15, env={"HOW": "raise"})
        third = faults.job(WORK, 15, env={"HOW": "raise"}, root=faults.root)
        for later in (second.ok(), third.ok()):
            assert later == {**first.ok(), "summary": "work/t-15 had ended before this job began"}
        assert "ended before this job began" in second.log

    def test_of_a_run_that_was_started_again_in_the_middle_is_refused(self, faults: Worker) -> None:
        error = faults.job(
            WORK, 17, env={"HOW": "well", "WM_ROOT_JOB_ID": "other"}, root=faults.root
        ).failed()
        assert f"`windmill resume {faults.run_id}`" in error["message"]
        assert error["extra"] == {"final": True}
        assert faults.job(WORK, 17, env={"HOW": "well"}, root=faults.root).ok()

    def test_is_told_where_a_loop_has_no_place_for_it(self, faults: Worker) -> None:
        error = faults.job(WORK, env={"HOW": "well"}).failed()
        assert (error["name"], error["extra"]) == ("RetryNotAllowed", {"final": True})
        assert "level_0" in error["message"]

    def test_says_that_the_datastore_is_missing(self, faults: Worker) -> None:
        elsewhere = StoreInfo("local", str(faults.home.root / "elsewhere" / ".metaflow"))
        worker = replace(faults, record=replace(faults.record, datastore=elsewhere))
        error = worker.job(WORK, 16, env={"HOW": "well"}).failed()
        assert "is not on this worker" in error["message"]


class TestDecorators:
    def test_retry_sees_each_attempt(self, decorated: Worker) -> None:
        task = spec("retried", "start", retries=2, user_retries=2)
        assert [decorated.job(task).failed()["message"] for _ in range(2)] == ["attempt 0", "attempt 1"]
        assert decorated.job(task).ok()["task"] == "t"
        seen = decorated.seen("retried/t")
        assert (seen["attempt"], value(seen, "attempt"), seen["successful"]) == (2, 2, True)

    def test_catch_takes_over_after_the_users_retries(self, decorated: Worker) -> None:
        task = spec("caught", "start", retries=4, user_retries=1)
        traces = {"TRACES": str(decorated.home.root / "caught")}
        assert decorated.job(task, env=traces).failed()["name"] == "ValueError"
        assert decorated.job(task, env=traces).ok()["step"] == "caught"
        seen = decorated.seen("caught/t")
        assert (seen["attempt"], seen["finished"]) == (1, True)
        assert "never good" in seen["artifacts"]["caught_it"]

    def test_catch_takes_over_for_a_task_that_always_vanishes(self, decorated: Worker) -> None:
        worker = decorated.again()
        worker.job(spec("start")).ok()
        task = spec("caught", "start", retries=4, user_retries=1)
        file = worker.home.root / "vanished"
        env = {"TRACES": str(file), "HOW": "vanish"}
        assert [worker.job(task, env=env).failed()["name"] for _ in range(2)] == ["TaskError", "TaskError"]
        assert worker.job(task, env=env).ok()["step"] == "caught"
        assert file.read_text() == "ran\n" * 2
        assert "Task execution kept failing" in worker.seen("caught/t")["artifacts"]["caught_it"]

    def test_timeout_ends_the_step(self, decorated: Worker) -> None:
        error = decorated.job(spec("timed", "start")).failed()
        assert error["name"] == "TimeoutException"
        assert "timed out after 0 hours, 0 minutes, 1 seconds" in error["message"]

    def test_card_is_drawn(self, decorated: Worker) -> None:
        decorated.job(spec("drawn", "start")).ok()
        pathspec = f"{decorated.run_id}/drawn/t"
        assert "<html" in decorated.command("card", "get", pathspec)

    def test_parallel_runs_the_gang_on_this_worker(self, decorated: Worker) -> None:
        assert decorated.job(spec("launch", "start")).ok()["count"] == 3
        gang = decorated.job(spec("train", "launch", gang=True))
        result = gang.ok()
        assert result.pop("summary").startswith("train/t succeeded in ")
        assert result == {"run_id": decorated.run_id, "step": "train", "task": "t"}
        assert all(f"node {node} of 3" in gang.log for node in range(3))
        decorated.job(spec("gather", "train", at="gang"), splits=3).ok()
        assert value(decorated.seen("gather/t"), "seen") == [0, 1, 2]

    def test_parallel_fails_with_its_nodes(self, decorated: Worker) -> None:
        worker = decorated.again()
        worker.job(spec("start"), parameters={"nodes": 2}).ok()
        worker.job(spec("launch", "start")).ok()
        gang = worker.job(spec("train", "launch", gang=True), env={"HOW": "node fails"})
        assert gang.failed()["message"] == "Subprocess failed, return code 1"
        assert "ValueError: a node fails" in gang.errors


def bare(worker: Worker) -> Worker:
    """A worker whose Python has `requests` installed and nothing else, least of all this project."""
    import certifi
    import charset_normalizer
    import idna
    import requests
    import urllib3

    site = worker.home.root / "site"
    site.mkdir()
    for module in (certifi, charset_normalizer, idna, requests, urllib3):
        place = Path(module.__file__ or "").parent
        (site / place.name).symlink_to(place)
    return replace(worker, python=("/usr/bin/env", f"PYTHONPATH={site}", *worker.python, "-S"))


class TestTheCacheOfPackages:
    """It is tidied where a package is new in it, once the task is over."""

    def test_a_limit_that_is_none_is_told_before_the_task(self, looks: Worker, tmp_path: Path) -> None:
        env = {"METAFLOW_WINDMILL_CACHE": str(tmp_path), "METAFLOW_WINDMILL_CACHE_MEGABYTES": "much"}
        end = looks.again().job(spec("start"), env=env)
        assert "METAFLOW_WINDMILL_CACHE_MEGABYTES is 'much'" in end.failed()["message"]
        assert "start" not in end.log

    @pytest.mark.parametrize("step", ["start", "there is no such step"])
    def test_the_oldest_go_and_what_this_job_uses_stays(
        self, looks: Worker, tmp_path: Path, step: str
    ) -> None:
        (tmp_path / "cache" / "older").mkdir(mode=0o700, parents=True)
        (tmp_path / "cache").chmod(0o700)
        (tmp_path / "cache" / "older" / "file").write_text("of a package")
        env = {"METAFLOW_WINDMILL_CACHE": str(tmp_path / "cache"), "METAFLOW_WINDMILL_CACHE_MEGABYTES": "0"}
        end = looks.again().job(spec(step), env=env)
        assert (end.status == 0) is (step == "start"), end
        left = {entry.name for entry in (tmp_path / "cache").iterdir()}
        assert looks.record.package.sha in left
        assert "older" not in left
