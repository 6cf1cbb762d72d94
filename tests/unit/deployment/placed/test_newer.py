"""What a document is given for a newer server: scopes of its jobs, and whether to ask for draining."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.answering import Answering

from metaflow_windmill.client.server_version import read_version
from metaflow_windmill.client.transport import Response
from metaflow_windmill.client.windmill import Windmill
from metaflow_windmill.contract.event import PUBLISH
from metaflow_windmill.deployment.placed.newer import (
    OF_THE_END,
    OF_THE_RUN,
    WORKERS_DRAIN,
    for_server,
    release_of,
)

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

JOB = "0c0ffee0-0000-4000-8000-000000000000"


def module(name: str, task: dict[str, Any]) -> dict[str, Any]:
    transforms = {"task": {"type": "static", "value": task}}
    return {"id": name, "value": {"type": "rawscript", "content": "", "input_transforms": transforms}}


LOOP = {"type": "forloopflow", "modules": [module("work", {"step": "work"})]}
VALUE: Json = {
    "flow_env": {"metaflow": {"id": "x", "value": {"type": "rawscript"}}},
    "modules": [
        module("start", {"step": "start"}),
        {"id": "start_foreach", "value": LOOP},
        module("row", {"pack": {"steps": [{"step": "a"}, {"step": "end", "ends": True}]}}),
        module("hooks", {"exit_hooks": {}}),
        module("publish", {PUBLISH: "end"}),
        {"id": "merge", "value": {"type": "identity"}},
    ],
}


@pytest.mark.parametrize("release", [(), (1, 788, 0), (1, 822, 9)])
def test_an_older_server_gets_what_it_always_got(release: tuple[int, ...]) -> None:
    assert for_server(VALUE, release) == VALUE


def test_each_job_gets_what_it_needs() -> None:
    before = copy.deepcopy(VALUE)
    start, loop, row, hooks, publish, merge = for_server(VALUE, (1, 823, 0))["modules"]
    assert before == VALUE
    (work,) = loop["value"]["modules"]
    assert start["job_token_scopes"] == [OF_THE_RUN]
    assert (work["job_token_scopes"], hooks["job_token_scopes"]) == ([], [])
    assert row["job_token_scopes"] == list(OF_THE_END)
    assert not {"job_token_scopes"} & {*loop, *publish, *merge}
    assert all("drains" not in task_of(one) for one in (start, work, row, hooks, publish))


def test_tasks_look_whether_their_worker_is_to_end() -> None:
    start, loop, row, hooks, publish, _ = for_server(VALUE, (1, 850, 0))["modules"]
    (work,) = loop["value"]["modules"]
    assert all(task_of(one)["drains"] is True for one in (start, work, row))
    assert all("drains" not in task_of(one) for one in (hooks, publish))


def task_of(module: Json) -> Json:
    return module["value"]["input_transforms"]["task"]["value"]


@pytest.mark.parametrize(
    ("version", "answer", "release"),
    [
        ("CE v1.788.0", Response(404, b""), (1, 788, 0)),
        ("", Response(404, b""), ()),
        ("", Response(403, b""), ()),
        ("", False, WORKERS_DRAIN),
    ],
)
def test_a_job_that_is_not_told_the_version_looks_for_what_newer_servers_have(
    version: str, answer: Any, release: tuple[int, ...]
) -> None:
    windmill = Windmill(Answering({f"GET /jobs/worker_is_draining/{JOB}": answer}), "admins")
    assert release_of(windmill, read_version(version), JOB) == release
