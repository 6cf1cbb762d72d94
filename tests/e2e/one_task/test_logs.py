"""What a task prints, in the log of its job and in Metaflow's."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from tests.support.elsewhere import of_no_use_elsewhere
from tests.support.oracle import Home
from tests.support.step_jobs import Worker, spec

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.metaflow, of_no_use_elsewhere("it runs the code of a step without a Windmill")]


@pytest.fixture(scope="module")
def prints(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    return Worker.at(Home(tmp_path_factory.mktemp("prints")), "prints")


@pytest.fixture(scope="module")
def after_start(prints: Worker) -> Worker:
    """A run whose start step is over."""
    worker = prints.again()
    worker.job(spec("start"), env={"GATE": "/"}).ok()
    return worker


def log_file(worker: Worker, task: str, name: str) -> Path:
    return worker.home.root / ".metaflow" / worker.record.flow / worker.run_id / task / name


def test_a_line_is_there_before_the_task_ends(prints: Worker, tmp_path: Path) -> None:
    worker, gate = prints.again(), tmp_path / "gate"
    job = worker.start(spec("start"), env={"GATE": str(gate)})
    assert job.process.stdout is not None
    assert b"attempt 0" in job.process.stdout.readline()
    assert job.process.stdout.readline() == b"the first line\n"
    kept, deadline = log_file(worker, "start/t", "0.task_stdout.log"), time.monotonic() + 60
    while not kept.exists() or b"the first line" not in kept.read_bytes():
        assert time.monotonic() < deadline, "the running task's log was not saved"
        time.sleep(0.05)
    assert "the first line" in worker.command("logs", f"{worker.run_id}/start")
    gate.touch()
    end = job.end()
    assert end.log == "half a line, and its end\n"
    assert end.errors == "on the other stream\n"
    assert worker.seen("start/t")["stdout"] == "the first line\nhalf a line, and its end\n"


def test_bytes_are_kept(after_start: Worker) -> None:
    end = after_start.job(spec("bytes_of_all_kinds", "start"))
    end.ok()
    lines = end.log.split("\n")
    assert lines[1:5] == ["\\xff\\xfe not text\r", "progress 1\rprogress 2", "", "straight to the descriptor"]
    assert lines[5:7] == ["by a process of its own", "x" * 200_000]
    assert lines[7:] == ["[MFLOG|0|not a header|task|1]of the user", "no end of line"]
    raw = log_file(after_start, "bytes_of_all_kinds/t", "0.task_stdout.log").read_bytes()
    kept = b"\n".join(line.partition(b"]")[2] for line in raw.split(b"\n"))
    assert kept.decode(errors="backslashreplace") == end.log.partition("\n")[2]


def test_many_lines_keep_their_order(after_start: Worker) -> None:
    after_start.job(spec("bytes_of_all_kinds", "start")).ok()
    end = after_start.job(spec("many", "bytes_of_all_kinds"))
    end.ok()
    expected = [f"line {number}" for number in range(30_000)]
    assert end.log.splitlines()[1:] == expected
    assert after_start.seen("many/t")["stdout"].splitlines() == expected


def test_a_process_left_behind_neither_holds_the_job_nor_lives_on(after_start: Worker) -> None:
    after_start.job(spec("bytes_of_all_kinds", "start")).ok()
    after_start.job(spec("many", "bytes_of_all_kinds")).ok()
    job = after_start.start(spec("end", "many"))
    job.end(timeout=50).ok()
    with pytest.raises(ProcessLookupError):
        os.killpg(job.process.pid, 0)
