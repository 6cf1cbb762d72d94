"""Reading jobs: lists and their filters, logs as they grow, results of steps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.programs import flow, python, script
from tests.support.server import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.server import RunningServer

FAILS = "def main():\n    raise ValueError('no')\n"
GIVES = "def main(n=1):\n    print('giving', n)\n    return {'n': n, 'deep': {'x': [n]}}\n"


@pytest.fixture
def ran(server: RunningServer, folder: str) -> dict[str, str]:
    """Three runs that have ended, the oldest first."""
    server.post(
        "/flows/create", flow(f"{folder}/good", python("a", GIVES, n="flow_input.n"), labels=["mine", folder])
    )
    server.post("/flows/create", flow(f"{folder}/bad", python("a", FAILS)))
    server.post("/scripts/create", script(f"{folder}/script", GIVES, tag=None))
    jobs = {
        "good": server.post(f"/jobs/run/f/{folder}/good", {"n": 7}),
        "bad": server.post(f"/jobs/run/f/{folder}/bad", {}),
        "script": server.post(f"/jobs/run/p/{folder}/script", {"n": 8}),
    }
    for job in jobs.values():
        server.finished(job)
    return jobs


def test_lists_are_filtered(server: RunningServer, folder: str, ran: dict[str, str]) -> None:
    names = {job: name for name, job in ran.items()}
    good = server.get(f"/jobs_u/get/{ran['good']}")

    def listed(**query: Any) -> list[str]:
        asked = {
            "script_path_start": f"{folder}/",
            "has_null_parent": "true",
            "job_kinds": "flow,script",
            **query,
        }
        return [names[row["id"]] for row in server.get("/jobs/list", params=asked)]

    assert listed() == ["script", "bad", "good"]
    assert listed(order_desc="false") == ["good", "bad", "script"]
    assert listed(success="true") == ["script", "good"]
    assert listed(success="false") == ["bad"]
    assert listed(status="failure") == ["bad"]
    assert listed(label=folder) == ["good"]
    assert listed(label="mine", script_path_exact=f"{folder}/bad") == []
    assert listed(job_kinds="script") == ["script"]
    assert listed(created_after=good["created_at"]) == ["script", "bad"]
    assert listed(created_before=good["created_at"]) == []
    assert listed(args=json.dumps({"n": 7})) == ["good"]
    assert listed(result=json.dumps({"deep": {"x": [8]}})) == ["script"]
    assert listed(per_page=1, page=2) == ["bad"]
    assert listed(running="true") == []
    assert listed(created_by="nobody") == []
    assert listed(tag="python3") == ["script"]
    assert server.get(
        "/jobs/completed/list", params={"script_path_exact": f"{folder}/bad", "job_kinds": "flow"}
    )
    assert server.get("/jobs/queue/list", params={"script_path_start": f"{folder}/"}) == []


def test_the_list_of_the_queue_does_not_tell_what_a_job_is_a_part_of(
    server: RunningServer, folder: str
) -> None:
    """As on 1.788, whose `ListableQueuedJob` has no parent: whoever follows a run asks ``jobs/list``."""
    server.post("/flows/create", flow(f"{folder}/held", python("a", GIVES), tag=f"nobody-{folder[-6:]}"))
    run = server.post(f"/jobs/run/f/{folder}/held", {})
    below = {"script_path_start": f"{folder}/held/"}
    wait_until(lambda: server.get("/jobs/queue/list", params=below), 30, "no job waits")
    assert "parent_job" not in server.get("/jobs/queue/list", params=below)[0]
    assert [job["parent_job"] for job in server.get("/jobs/list", params=below)] == [run]
    server.post(f"/jobs_u/queue/cancel/{run}", {})


def test_what_waits_for_its_time_can_be_left_out(
    server: RunningServer, folder: str, ran: dict[str, str]
) -> None:
    later = server.post(f"/jobs/run/f/{folder}/good?scheduled_in_secs=3000", {})
    asked = f"script_path_exact={folder}/good&job_kinds=flow"
    assert [row["id"] for row in server.get(f"/jobs/list?{asked}")] == [later, ran["good"]]
    assert [row["id"] for row in server.get(f"/jobs/list?{asked}&scheduled_for_before_now=true")] == [
        ran["good"]
    ]
    assert server.get(f"/jobs/queue/list?{asked}&scheduled_for_before_now=true") == []
    server.post(f"/jobs_u/queue/cancel/{later}", {})


@pytest.mark.parametrize(
    "query", ["success=maybe", "per_page=x", "parent_job=x", "created_after=soon", "args={"]
)
def test_a_filter_that_makes_no_sense_is_refused(server: RunningServer, query: str) -> None:
    answer = server.ask("GET", f"/jobs/list?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.text


def test_children_are_found_by_their_parent(server: RunningServer, folder: str, ran: dict[str, str]) -> None:
    (child,) = server.get(f"/jobs/list?parent_job={ran['good']}")
    assert (child["script_path"], child["is_flow_step"]) == (f"{folder}/good/a", True)
    assert server.get(f"/jobs_u/get_root_job_id/{child['id']}") == ran["good"]
    assert server.get(f"/jobs/list?parent_job={ran['good']}&is_flow_step=false") == []


def test_results_of_steps_are_read_by_path(server: RunningServer, ran: dict[str, str]) -> None:
    result = f"/jobs/result_by_id/{ran['good']}/a"
    assert server.get(result) == {"n": 7, "deep": {"x": [7]}}
    assert server.get(f"{result}?json_path=deep.x") == [7]
    assert server.get(f"{result}?json_path=deep.none.x") is None
    assert server.get(f"/jobs/result_by_id/{ran['good']}/none") is None
    assert server.get(f"/jobs_u/completed/get_result/{ran['good']}") == {"n": 7, "deep": {"x": [7]}}


def test_a_job_is_shown_whole_or_without_its_texts(server: RunningServer, ran: dict[str, str]) -> None:
    whole = server.get(f"/jobs_u/get/{ran['good']}")
    short = server.get(f"/jobs_u/get/{ran['good']}?no_logs=true&no_code=true")
    assert whole["raw_flow"]["modules"][0]["value"]["content"] == GIVES
    assert short["raw_flow"]["modules"][0]["value"]["content"] == "..."
    assert "logs" in whole
    assert "logs" not in short
    assert "giving 8" in server.get(f"/jobs_u/get/{ran['script']}")["logs"]
    assert "giving 8" in server.get(f"/jobs_u/get_logs/{ran['script']}")
    assert "giving 7" in server.get(f"/jobs_u/get_flow_all_logs/{ran['good']}")
    assert server.get(f"/jobs_u/completed/get/{ran['good']}")["args"] == {"n": 7}


def test_jobs_of_another_workspace_are_not_there(server: RunningServer, ran: dict[str, str]) -> None:
    assert server.ask("GET", f"/api/w/nowhere/jobs_u/get/{ran['good']}").status_code == 404
    assert server.get("/api/w/nowhere/jobs/list") == []


SLOW = """
import pathlib, time
def main(gate):
    print("before", flush=True)
    while not pathlib.Path(gate).exists():
        time.sleep(0.02)
    print("after", flush=True)
    return 1
"""


@pytest.fixture
def waiting(server: RunningServer, tmp_path: Path) -> tuple[str, Path]:
    """A job that has said its first line and waits for a file."""
    gate = tmp_path / "gate"
    job = server.post(
        "/jobs/run/preview", {"content": SLOW, "language": "python3", "args": {"gate": str(gate)}}
    )
    wait_until(lambda: "before" in server.get(f"/jobs_u/get_logs/{job}"), 30, "the log did not grow")
    return job, gate


def test_a_log_is_read_as_it_grows(server: RunningServer, waiting: tuple[str, Path]) -> None:
    job, gate = waiting
    first = server.get(f"/jobs_u/getupdate/{job}?running=false&log_offset=0")
    assert first["running"] is True
    assert first["completed"] is False
    assert first["new_logs"].endswith("before\n")
    nothing = server.get(f"/jobs_u/getupdate/{job}?running=true&log_offset={first['log_offset']}")
    assert (nothing["new_logs"], nothing["log_offset"]) == ("", first["log_offset"])
    assert server.get(f"/jobs_u/completed/get_result_maybe/{job}?get_started=true")["started"] is True
    assert server.ask("GET", f"/jobs_u/completed/get_result/{job}").status_code == 404
    gate.touch()
    server.finished(job)
    rest = server.get(f"/jobs_u/getupdate/{job}?running=true&log_offset={first['log_offset']}")
    assert (rest["completed"], rest["new_logs"]) == (True, "after\n")


def test_a_job_is_followed_as_a_stream_of_events(server: RunningServer, waiting: tuple[str, Path]) -> None:
    job, gate = waiting
    told = []
    with server.ask("GET", f"/jobs_u/getupdate_sse/{job}", stream=True) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines(decode_unicode=True):
            if line:
                told.append(json.loads(line.removeprefix("data: ")))
                gate.touch()
    assert {each["type"] for each in told} <= {"update", "ping"}
    assert "".join(each.get("new_logs", "") for each in told).endswith("before\nafter\n")
    assert [each["completed"] for each in told if each["type"] == "update"][-1] is True


def test_an_unknown_job_is_not_found(server: RunningServer) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    for path in (
        "get",
        "get_logs",
        "get_args",
        "getupdate",
        "getupdate_sse",
        "get_flow_all_logs",
        "completed/get",
    ):
        answer = server.ask("GET", f"/jobs_u/{path}/{unknown}")
        assert (path, answer.status_code) == (path, 404)


def test_states_are_kept_with_a_run(server: RunningServer, ran: dict[str, str]) -> None:
    path = f"/jobs/flow/user_states/{ran['good']}/key"
    assert server.get(path) is None
    server.post(path, {"a": [1]})
    server.post(path, {"a": [2]})
    assert server.get(path) == {"a": [2]}
