"""Asking workers: which are asked how, what is made of their answers, and what of those that say nothing."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.answering import Answering

from metaflow_windmill.client.transport import Request, Response
from metaflow_windmill.workspace.doctor.findings import Finding
from metaflow_windmill.workspace.doctor.server_findings import InspectedSite
from metaflow_windmill.workspace.doctor.workers import (
    ListedWorker,
    alive,
    ask_workers,
    count_finding,
    findings_of,
    silent_finding,
)

THERE = {"GET /scripts/get/p/f/metaflow/doctor": {"content": "x", "hash": "a1"}}


def result(worker: str) -> dict[str, Any]:
    return {"worker": worker, "findings": [Finding("python", "ok", "3.11").to_json()]}


class Fleet:
    """A server whose workers take jobs in a given order, whichever were meant."""

    def __init__(self, names: list[str], takers: list[str | None]) -> None:
        self._names, self._takers = names, takers
        self._results: dict[str, str | None] = {}
        self.started: list[Request] = []
        self.canceled: list[str] = []

    def send(self, request: Request) -> Response:
        tail = request.path.rpartition("/")[2]
        if request.path == "/workers/list":
            rows = [{"worker": name, "custom_tags": ["python3"]} for name in self._names]
            return Answering({"GET /workers/list": [rows]}).send(request)
        if "/jobs/run/" in request.path:
            self.started.append(request)
            self._results[request.query["job_id"]] = self._takers.pop(0)
            return Response(201, request.query["job_id"].encode())
        if "/get_result_maybe/" in request.path:
            taker = self._results[tail]
            ended = {"completed": taker is not None, "success": True, "result": taker and result(taker)}
            return Answering({f"GET {request.path.removeprefix('/w/admins')}": ended}).send(request)
        if "/cancel/" in request.path:
            self.canceled.append(tail)
            return Response(200)
        return Answering(THERE).send(request)


def ask(fleet: Any, seconds: float = 30.0) -> tuple[tuple[Finding, ...], list[str]]:
    said: list[str] = []
    site = InspectedSite(fleet, "https://windmill.example.com", "admins", "f/flows")
    return ask_workers(site, {"version": "1"}, seconds, said.append), said


@pytest.mark.parametrize(
    ("tags", "tag"),
    [
        (["deno", "python3", "bash"], "python3"),
        (None, "python3"),
        (["flow", "dependency"], None),
        (["bash", "gpu"], "gpu"),
    ],
)
def test_the_tag_that_reaches_a_worker(tags: list[str] | None, tag: str | None) -> None:
    assert alive([{"worker": "wk", "custom_tags": tags}]) == (ListedWorker("wk", tag),)


def test_a_worker_that_was_too_slow_is_asked_again() -> None:
    fleet = Fleet(["one", "two"], ["one", "one", "two"])
    found, said = ask(fleet)
    assert [finding.where for finding in found] == ["", "one", "two"]
    assert found[0] == Finding("workers", "ok", "2 of 2 that run Python answered")
    assert said == ["asking 2 of 2 workers ...", "asking 1 of 2 workers ..."]
    assert fleet.started[0].body == {"version": "1"}


def test_a_worker_that_never_gets_a_turn_is_named() -> None:
    found, said = ask(Fleet(["one", "two"], ["one"] * 4))
    assert (found[0].state, found[0].said) == ("warn", "1 of 2 that run Python answered.")
    assert found[-1] == silent_finding(ListedWorker("two", "python3"))
    assert len(said) == 3


def test_jobs_that_nobody_takes_are_canceled() -> None:
    fleet = Fleet(["one"], [None])
    found, _ = ask(fleet, seconds=0.05)
    assert (found[0].state, found[0].said) == ("bad", "0 of 1 that run Python answered.")
    assert fleet.canceled == [fleet.started[0].query["job_id"]]


def test_a_tag_of_ones_own_is_asked_for() -> None:
    answers = {**THERE, "GET /workers/list": [[{"worker": "g", "custom_tags": ["gpu"]}]]}
    answering = Answering(answers)
    ask(answering)
    (run,) = (request for request in answering.asked if "/jobs/run/" in request.path)
    assert run.query["tag"] == "gpu"


def test_no_script_no_workers_no_rights() -> None:
    missing, _ = ask(Answering({}))
    assert missing[0].said == "They were not asked: f/metaflow/doctor is not in the workspace."
    assert missing[0].advice == "Run `metaflow-windmill install`."
    none, _ = ask(Answering({**THERE, "GET /workers/list": [[]]}))
    assert none == (Finding("workers", "bad", "No worker is alive.", "Start one: without it nothing runs."),)
    refused, _ = ask(Answering({**THERE, "GET /workers/list": Response(403, b"no")}))
    assert (refused[0].state, "status 403" in refused[0].said) == ("bad", True)


@pytest.mark.parametrize(
    "ended",
    [{"error": {"name": "ModuleNotFoundError", "message": "No module"}}, {"error": "No module"}, "No module"],
)
def test_a_job_that_fails_altogether(ended: Any) -> None:
    name, (finding,) = findings_of("j-1", ended)
    assert name == finding.where == "of job j-1"
    assert (finding.state, finding.said) == ("bad", "The job failed: No module")
    assert "the log of the job j-1" in finding.advice


def test_a_worker_that_runs_no_python_is_left_alone() -> None:
    finding = silent_finding(ListedWorker("native", None))
    assert (finding.state, finding.said) == ("ok", "It runs no Python, so it was not asked.")
    assert count_finding((ListedWorker("native", None), ListedWorker("wk", "python3")), {"wk"}).state == "ok"
