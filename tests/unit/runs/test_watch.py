"""A run as it goes, looked at again and again: each task begins once and ends once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.support.answering import Answering

from metaflow_windmill.client.models import JobState
from metaflow_windmill.contract.pack import Pack, begun_line, ended_line
from metaflow_windmill.contract.task_spec import TaskSpec
from metaflow_windmill.runs.flow_modules import ModuleSteps
from metaflow_windmill.runs.watch import Look, RunWatch, TaskJob

PATH = "f/flows/Hello"
RUN = "00000000-0000-4000-8000-000000000000"
COMPLETED, QUEUED = "GET /jobs/completed/list", "GET /jobs/list"


def at(second: int) -> str:
    return f"2026-01-01T12:00:{second:02}Z"


def job(
    name: str, parent: str = RUN, began: int = 0, ended: int | None = None, **values: Any
) -> dict[str, Any]:
    """A job below the flow's path; it runs as long as it has no end."""
    if ended is None:
        state = {"type": "QueuedJob", "running": True}
    else:
        seconds = (ended - began) * 1000
        state = {"type": "CompletedJob", "success": True, "duration_ms": seconds, "completed_at": at(ended)}
    kind = "flow" if name.rsplit("/", maxsplit=1)[-1].startswith("forloop") else "script"
    times = {"created_at": at(began), "started_at": at(began), "job_kind": kind}
    return {
        "id": name,
        "script_path": f"{PATH}/{name.partition('~')[0]}",
        "parent_job": parent,
        **times,
        **state,
        **values,
    }


def inputs(step: str, *splits: int) -> dict[str, Any]:
    spec = TaskSpec(step, levels=tuple("foreach" for _ in splits))
    levels = {f"level_{depth}": {"index": 0, "value": split} for depth, split in enumerate(splits)}
    return {"task": spec.to_json(), **levels}


@dataclass
class Server:
    """What Windmill's lists hold at each look."""

    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: Answering = field(default_factory=lambda: Answering({}))

    def show(self, *jobs: dict[str, Any], over: bool = False) -> None:
        self.jobs |= {item["id"]: item for item in jobs}
        listed = sorted(
            ({**item, "args": None} for item in self.jobs.values()), key=lambda item: item["created_at"]
        )
        leaves = [item for item in listed if item["job_kind"] != "flow"]
        run = {**(job("", ended=9) if over else job("")), "id": RUN, "script_path": PATH, "parent_job": None}
        completed = [item for item in listed if item["type"] == "CompletedJob"]
        self.asked.answers = {
            QUEUED: [[item for item in leaves if item["type"] == "QueuedJob"]],
            COMPLETED: [[run], completed] if over else [completed],
            f"GET /jobs_u/get/{RUN}": run,
            f"GET /jobs_u/completed/get_result_maybe/{RUN}": {
                "completed": over,
                "success": True,
                "result": 7,
            },
            **{f"GET /jobs_u/get/{item['id']}": item for item in self.jobs.values()},
        }


def watch(server: Server, *steps: str) -> RunWatch:
    return RunWatch(server.asked.windmill, RUN, {step: ModuleSteps((step,)) for step in steps})


def tasks_of(look: Look) -> list[TaskJob]:
    """Return the tasks that a look tells of, as they are at its end, in the order in which they began."""
    return list({event.task.job.id: event.task for event in look.events}.values())


def told(look: Look) -> list[str]:
    return [f"{event.task.name} {'ends' if event.ended else 'begins'}" for event in look.events]


def test_each_task_begins_once_and_ends_once() -> None:
    server = Server()
    looker = watch(server, "start", "end")
    server.show(job("start", args=inputs("start")))
    assert told(looker.look()) == ["start/t begins"]
    server.show()
    assert told(looker.look()) == []
    server.show(job("start", ended=2, args=inputs("start")), job("end", began=3, ended=4, args=inputs("end")))
    assert told(looker.look()) == ["start/t ends", "end/t begins", "end/t ends"]
    server.show(over=True)
    last = looker.look()
    assert (told(last), last.run.state, last.run.result) == ([], JobState.SUCCEEDED, 7)


def test_the_jobs_of_all_iterations_are_read_once_at_most() -> None:
    """The run's own job names every iteration, so that reading it at each look takes more and more time."""
    server = Server()
    looker = watch(server, "start")
    for over in (False, False, False, True):
        server.show(over=over)
        looker.look()
    assert server.asked.lines.count(f"GET /jobs_u/get/{RUN}") == 1


def test_what_is_over_is_forgotten() -> None:
    server = Server()
    looker = watch(server, "work")
    for number in range(50):
        name = f"forloop-{number}"
        server.jobs.clear()
        server.show(
            job(name, began=number, ended=number + 1),
            job(f"{name}/work", parent=name, began=number, ended=number + 1, args=inputs("work", number)),
        )
        assert told(looker.look()) == [
            f"work{f'/t-{number}' if number < 20 else ''} {what}" for what in ("begins", "ends")
        ]
    # What the last ten seconds held, twice the overlap of two looks, and the run itself.
    assert len(looker._over) == 11
    assert len(looker._parts) == 12


def test_a_loop_that_no_list_tells_of_yet_is_asked_for() -> None:
    server = Server()
    server.show(
        job("forloop-0"),
        job("forloop-0/first", parent="forloop-0", began=1, ended=2, args=inputs("first", 0)),
        job("forloop-0/then", parent="forloop-0", began=2, args=inputs("then", 0)),
        job("forloop-7/then", parent="stranger", began=2, args=inputs("then", 7)),
        {**job("stranger", parent="another run", began=0), "id": "stranger"},
    )
    looker = watch(server, "first", "then")
    assert told(looker.look()) == ["first/t-0 begins", "first/t-0 ends", "then/t-0 begins"]
    server.show()
    assert told(looker.look()) == []
    for part in ("forloop-0", "stranger"):
        assert server.asked.lines.count(f"GET /jobs_u/get/{part}") == 1


def test_jobs_of_other_runs_are_left_out() -> None:
    server = Server()
    server.show(job("start", args=inputs("start")), job("start~2", parent="other", args=inputs("start")))
    look = watch(server, "start").look()
    assert told(look) == ["start/t begins"]
    assert [task.job.id for task in tasks_of(look)] == ["start"]


def test_tasks_in_loops_are_told_by_metaflows_ids() -> None:
    server = Server()
    server.show(
        job("forloop-0/work", parent="forloop-0", began=1, args=inputs("work", 4)),
        job("forloop-0"),
        job("forloop-1", ended=6),
        job("forloop-1/loop-0", parent="forloop-1", began=2, args=inputs("work", 5)),
    )
    assert told(watch(server, "work").look()) == ["work/t-4 begins", "work/t-5 begins"]


def test_attempts_are_counted() -> None:
    server = Server()
    server.show(
        job("start", ended=2, args=inputs("start"), success=False),
        job("start~2", began=3, ended=4, args=inputs("start"), success=False),
        job("start~3", began=5, args=inputs("start")),
    )
    look = watch(server, "start").look()
    assert [(task.attempt, task.job.state) for task in tasks_of(look)] == [
        (0, JobState.FAILED),
        (1, JobState.FAILED),
        (2, JobState.RUNNING),
    ]


def test_a_task_that_failed_has_its_reason() -> None:
    server = Server()
    error = {"error": {"name": "ValueError", "message": "no", "step_id": "work"}}
    server.show(
        job(
            "forloop-0/work", parent="forloop-0", ended=2, args=inputs("work", 4), success=False, result=error
        ),
        job("forloop-0", ended=3),
    )
    (task,) = tasks_of(watch(server, "work").look())
    assert (task.name, task.reason) == ("work/t-4", "ValueError: no")


def test_ids_are_asked_for_a_few_tasks_only() -> None:
    server = Server()
    many = [job(f"work~{number}", ended=1, args=inputs("work", number)) for number in range(9)]
    many[7]["success"] = False
    server.show(*many)
    looker = RunWatch(server.asked.windmill, RUN, {"work": ModuleSteps(("work",))}, named=3)
    names = [task.name for task in tasks_of(looker.look())]
    assert names.count("work") == 5
    assert "work/t-7" in names  # what failed has its name
    assert sum("/jobs_u/get/work" in line for line in server.asked.lines) == 4


def test_what_ended_long_ago_is_not_asked_again() -> None:
    server = Server()
    looker = watch(server, "start")
    server.show(job("start", began=30, ended=40, args=inputs("start")))
    looker.look()
    server.show()
    looker.look()
    queries = [dict(request.query) for request in server.asked.asked if "completed/list" in request.path]
    assert "completed_after" not in queries[0]
    assert queries[1]["completed_after"] == "2026-01-01T12:00:35Z"
    assert all(query["script_path_start"] == f"{PATH}/" for query in queries)


def test_a_job_that_is_no_step_of_metaflow() -> None:
    server = Server()
    server.show(job("switch_pass", kind="identity"), job("branchone-0", kind="flow"))
    assert told(watch(server, "start").look()) == []


# Jobs of several tasks

PACK = Pack((TaskSpec("work", levels=("foreach",)), TaskSpec("after", levels=("foreach",))), items=2)
PACKED = {"work": ModuleSteps(("work", "after"), packed=True)}
ITEMS = {"task": PACK.to_json(), "level_0": {"index": 0, "value": [4, 6]}}
LOG = "GET /jobs_u/getupdate/work"
PATHSPEC = "Hello/windmill-1"


def row(task: str, state: str, second: int, **more: Any) -> dict[str, Any]:
    return {"task": task, "state": state, "attempt": 0, "started_at": at(second), "seconds": 1.0, **more}


def test_a_job_of_several_tasks_is_told_task_by_task_by_its_log_and_then_by_its_result() -> None:
    server = Server()
    looker = RunWatch(server.asked.windmill, RUN, PACKED)
    server.show(job("work", args=ITEMS))
    server.asked.answers[LOG] = {"new_logs": "starting\n", "log_offset": 9}
    assert told(looker.look()) == []
    server.show()
    lines = (
        f"{begun_line(f'{PATHSPEC}/work/t-4', 0)}\nhello\n{ended_line(f'{PATHSPEC}/work/t-4', 'done', 0.5)}\n"
    )
    lines += f"no end of line{begun_line(f'{PATHSPEC}/after/t-4', 1)}\n{begun_line('Other/1/after/t-9', 0)}\n"
    server.asked.answers[LOG] = {"new_logs": f"{lines}and a pa", "log_offset": 99}
    look = looker.look()
    assert told(look) == ["work/t-4 begins", "work/t-4 ends", "after/t-4 begins"]
    assert [(task.attempt, task.job.state) for task in (look.events[1].task, look.events[2].task)] == [
        (0, JobState.SUCCEEDED),
        (1, JobState.RUNNING),
    ]
    rows = [row(f"{step}/t-{item}", "done", 1) for item in (4, 5) for step in ("work", "after")]
    server.show(job("work", ended=8, args=ITEMS, result={"run_id": "r", "tasks": rows}))
    assert sorted(told(looker.look())) == [
        "after/t-4 ends",
        "after/t-5 begins",
        "after/t-5 ends",
        "work/t-5 begins",
        "work/t-5 ends",
    ]
    server.show()
    assert told(looker.look()) == []


def test_a_job_that_failed_tells_which_of_its_tasks_did_and_why() -> None:
    rows = [row("work/t-4", "done before", 1), row("after/t-4", "failed", 2, error="ValueError: no")]
    error = {"name": "ValueError", "message": "no", "extra": {"tasks": rows, "failed_step": "after/t-4"}}
    server = Server()
    server.show(job("work", ended=3, args=ITEMS, success=False, result={"error": error}))
    look = RunWatch(server.asked.windmill, RUN, PACKED).look()
    assert told(look) == ["after/t-4 begins", "after/t-4 ends"]
    assert (look.events[1].task.job.state, look.events[1].task.reason) == (JobState.FAILED, "ValueError: no")


def test_a_job_that_was_killed_leaves_the_end_of_the_task_that_ran() -> None:
    server = Server()
    error = {"error": {"name": "ExecutionErr", "message": "killed"}}
    server.show(job("work", ended=3, args=ITEMS, success=False, result=error))
    server.asked.answers[LOG] = {"new_logs": f"{begun_line(f'{PATHSPEC}/after/t-5', 0)}\n", "log_offset": 9}
    look = RunWatch(server.asked.windmill, RUN, PACKED).look()
    assert told(look) == ["after/t-5 begins", "after/t-5 ends"]
    assert look.events[1].task.reason == "ExecutionErr: killed"


def test_a_job_that_failed_before_its_first_task_is_told_as_that() -> None:
    server = Server()
    error = {"error": {"name": "PackageError", "message": "gone"}}
    server.show(job("work", ended=3, args=ITEMS, success=False, result=error))
    server.asked.answers[LOG] = {"new_logs": "", "log_offset": 0}
    look = RunWatch(server.asked.windmill, RUN, PACKED).look()
    assert [(event.task.name, event.task.reason) for event in look.events][1:] == [
        ("work/t-4", "PackageError: gone")
    ]


def test_a_turn_of_a_lane_is_a_job_of_several_tasks() -> None:
    server = Server()
    rows = [row("work/t-4", "done", 1)]
    server.show(job("loop-0", ended=3, args=ITEMS, result={"run_id": "r", "tasks": rows}))
    assert told(RunWatch(server.asked.windmill, RUN, PACKED).look()) == ["work/t-4 begins", "work/t-4 ends"]
