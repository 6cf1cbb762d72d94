"""What the last job of a run asks Windmill, against a server that tells of as many jobs as a test wants."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from metaflow_windmill.contract.report import MOST_CHARACTERS
from metaflow_windmill.package.body.history import MOST_LOOKED_INTO, MOST_PAGES, PER_PAGE, history
from metaflow_windmill.runtime.report.page import SucceededRun, page_of
from metaflow_windmill.runtime.report.step_outcomes import times_of

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN = "run"


@pytest.fixture(autouse=True)
def _in_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WM_WORKSPACE", "admins")
    monkeypatch.setenv("WM_ROOT_FLOW_JOB_ID", RUN)
    monkeypatch.setenv("WM_FLOW_PATH", "f/flows/Flow")


@pytest.fixture
def asked() -> list[str]:
    """Return what the server is asked, in order."""
    return []


@contextmanager
def server(jobs: list[dict[str, Any]], results: dict[str, Any], asked: list[str]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, query = urlsplit(self.path).path.removeprefix("/api/w/admins/"), urlsplit(self.path).query
            asked.append(path)
            said = json.dumps(told(path, query)).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    def told(path: str, query: str) -> Any:
        if path == "jobs/completed/list":
            wanted = {name: values[0] for name, values in parse_qs(query).items()}
            size, page = int(wanted["per_page"]), int(wanted["page"])
            return jobs[size * (page - 1) : size * page]
        if path.startswith("jobs_u/completed/get_result/"):
            return results[path.rpartition("/")[2]]
        return {"created_at": "2026-01-01T00:00:00Z", "started_at": "2026-01-01T00:00:01Z"}

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()


def job(number: int, module: str, *, well: bool = True, parent: str = RUN) -> dict[str, Any]:
    return {
        "id": f"job{number}",
        "parent_job": parent,
        "job_kind": "script",
        "script_path": f"f/flows/Flow/{module}",
        "success": well,
        "duration_ms": 100,
    }


def rows(*said: str) -> list[dict[str, Any]]:
    """Return rows of tasks: each a name and a state."""
    told = (text.partition(" ") for text in said)
    return [{"task": name, "state": state, "seconds": 0.05} for name, _, state in told]


def test_five_thousand_tasks_are_a_few_questions_and_a_page_that_is_shown(
    monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    loop = {"id": "loop", "parent_job": RUN, "job_kind": "flow", "script_path": "f/flows/Flow"}
    tasks = [job(number, "forloop-0/train", parent="loop") for number in range(5000)]
    failed = [job(9000 + number, "forloop-0/train", well=False, parent="loop") for number in range(7)]
    others = [job(10_000, "train", parent="another")]
    with server([job(9999, "start"), loop, *tasks, *failed, *others], {}, asked) as address:
        monkeypatch.setenv("BASE_INTERNAL_URL", address)
        began = time.monotonic()
        found = history("token", {})
        took = time.monotonic() - began
    assert found is not None
    assert found["jobs"] == {"start": [1, 0, 100, 100], "train": [5000, 7, 500_700, 100]}
    assert len(asked) == 7, "the run, and six pages of a thousand jobs"
    assert found["whole"] is True
    assert took < 10
    page = page_of(SucceededRun("Flow/windmill-1", "t", "w", "end", 72.0, times_of(found, {})))
    assert "5001 tasks, 7 retries" in page
    assert len(page) < MOST_CHARACTERS


def test_jobs_of_several_tasks_are_looked_into(monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> None:
    jobs = [job(1, "start"), job(2, "train", well=False), job(3, "train"), job(4, "join"), job(5, "join")]
    results = {
        "job1": {"tasks": rows("start/t done", "prepare/t done")},
        "job2": {"error": {"message": "no", "extra": {"tasks": rows("train/t-0 done", "train/t-1 failed")}}},
        "job3": {"tasks": rows("train/t-0 done before", "train/t-1 cloned")},
        "job4": {"step": "join"},
    }
    with server(jobs, results, asked) as address:
        monkeypatch.setenv("BASE_INTERNAL_URL", address)
        found = history("token", {"packs": True})
    assert found is not None
    assert found["jobs"] == {
        "start/": [1, 0, 50, 50],
        "prepare/": [1, 0, 50, 50],
        "train/": [2, 1, 150, 50],
        "join": [2, 0, 200, 100],
    }
    assert found["closed"] == 0
    assert asked.count("jobs_u/completed/get_result/job5") == 0, "what a module is, one of its jobs tells"


def test_of_very_many_jobs_the_rest_count_as_one_each(
    monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    jobs = [job(number, "train") for number in range(MOST_LOOKED_INTO + 20)]
    results = {made["id"]: {"tasks": rows("train/t-0 done", "train/t-1 done")} for made in jobs}
    with server(jobs, results, asked) as address:
        monkeypatch.setenv("BASE_INTERNAL_URL", address)
        found = history("token", {"packs": True})
    assert found is not None
    assert found["jobs"]["train/"][0] == 2 * MOST_LOOKED_INTO
    assert (found["jobs"]["train"][0], found["closed"]) == (20, 20)


def test_what_is_more_than_is_asked_for_is_told(monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> None:
    with server([job(number, "train") for number in range(PER_PAGE * MOST_PAGES + 1)], {}, asked) as address:
        monkeypatch.setenv("BASE_INTERNAL_URL", address)
        found = history("token", {})
    assert found is not None
    assert (found["jobs"]["train"][0], found["whole"]) == (PER_PAGE * MOST_PAGES, False)


def test_a_server_that_does_not_tell_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BASE_INTERNAL_URL", "http://127.0.0.1:9")
    assert history("token", {}) is None
    assert "Windmill does not tell of the steps before this one" in capfd.readouterr().err
