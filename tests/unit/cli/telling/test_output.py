"""The logs of a run as they come: whole lines, each once, and nothing kept of what is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.answering import Answering

from metaflow_windmill.cli.flow.telling.output import LogLine, Output
from metaflow_windmill.client.models import Job, JobState
from metaflow_windmill.contract.pack import begun_line, ended_line
from metaflow_windmill.runs.watch import TaskEvent, TaskJob

if TYPE_CHECKING:
    import pytest


def event(state: JobState) -> TaskEvent:
    return TaskEvent(TaskJob(Job("a", state, ""), "work", "t-0"), ended=state.final, at=None)


def show(line: LogLine) -> None:
    print(f"[{line.task}{line.again}] {line.text}")


def test_a_line_is_printed_when_it_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    update = "GET /jobs_u/getupdate/a"
    server = Answering({update: [{"new_logs": "one\ntw", "log_offset": 6}, {"new_logs": "o\nthree"}]})
    output = Output(server.windmill, show)
    output.go_on([event(JobState.RUNNING)])
    assert capsys.readouterr().out == "[work/t-0] one\n"
    output.go_on([event(JobState.SUCCEEDED)])
    assert capsys.readouterr().out == "[work/t-0] two\n[work/t-0] three\n"
    assert [request.query["log_offset"] for request in server.asked] == ["0", "6"]
    output.go_on([])
    assert len(server.asked) == 2
    assert output.tasks == 1


def test_the_lines_of_a_job_of_several_tasks_are_told_by_task(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["Windmill begins", begun_line("F/r/work/t-0", 0), "one", ended_line("F/r/work/t-0", "done", 0.1)]
    lines += [begun_line("F/r/work/t-1", 2), "two"]
    text = "\n".join(lines)
    server = Answering(
        {"GET /jobs_u/getupdate/a": [{"new_logs": text[:50], "log_offset": 50}, {"new_logs": text[50:]}]}
    )

    def packed(state: JobState, part: str) -> TaskEvent:
        task = TaskJob(Job("a", JobState.SUCCEEDED, ""), "work", None, part=part, whole=Job("a", state, ""))
        return TaskEvent(task, ended=True, at=None)

    output = Output(server.windmill, show, lambda name: name == "work/t-1")
    output.go_on([packed(JobState.RUNNING, "work/t-0")])
    output.go_on([packed(JobState.SUCCEEDED, "work/t-0"), packed(JobState.SUCCEEDED, "work/t-1")])
    assert capsys.readouterr().out.splitlines() == [
        "[work/t-1 (attempt 3)] F/r/work/t-1, attempt 2",
        "[work/t-1 (attempt 3)] two",
    ]
    output.go_on([])
    assert len(server.asked) == 2


def test_of_many_tasks_that_run_some_are_asked_in_turn_and_those_that_end_always() -> None:
    jobs = [*"abcde"]
    server = Answering({f"GET /jobs_u/getupdate/{job}": {"new_logs": "", "log_offset": 0} for job in jobs})
    output = Output(server.windmill, show, most=2)

    def happen(job: str, state: JobState) -> TaskEvent:
        one = Job(job, state, "")
        packed = job in "de"
        task = TaskJob(one, "work", job, part=f"work/{job}" if packed else "", whole=one if packed else None)
        return TaskEvent(task, ended=state.final, at=None)

    def asked() -> str:
        new = "".join(sorted(line[-1] for line in server.lines))
        server.asked.clear()
        return new

    output.go_on([happen(job, JobState.RUNNING) for job in jobs])
    assert asked() == "abde"
    output.go_on([])
    assert asked() == "acde"
    output.go_on([happen(job, JobState.SUCCEEDED) for job in "ad"])
    assert asked() == "abcde"
    output.go_on([happen("e", JobState.FAILED)])
    assert asked() == "bce"
    output.go_on([])
    assert asked() == "bc"


def test_only_what_stands_between_the_marks_is_a_tasks_own_whatever_the_task_prints() -> None:
    own: list[tuple[str, str]] = []
    text = [
        "job=1 tag=python3",
        begun_line("F/r/work/t-0", 1),
        "hello",
        begun_line("F/r/other/t", 7),  # which the task itself has printed
        "bye",
        begun_line("F/r/work/t-0", 2),  # the job was run again after its worker died
        "again",
    ]
    server = Answering({"GET /jobs_u/getupdate/a": {"new_logs": "\n".join(text)}})
    output = Output(server.windmill, lambda line: own.append((line.again, line.text)) if line.own else None)
    output.go_on([event(JobState.RUNNING), event(JobState.SUCCEEDED)])
    assert own == [
        (" (attempt 2)", "hello"),
        (" (attempt 2)", text[3]),
        (" (attempt 2)", "bye"),
        (" (attempt 3)", "again"),
    ]
