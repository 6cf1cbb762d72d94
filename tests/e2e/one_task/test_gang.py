"""The nodes of a gang as jobs of their own, each a process as on a worker of its own."""

from __future__ import annotations

import socket
from ast import literal_eval
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.elsewhere import of_no_use_elsewhere
from tests.support.oracle import Home
from tests.support.step_jobs import JobEnd, StartedJob, Worker, deploy, spec

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

pytestmark = [pytest.mark.metaflow, of_no_use_elsewhere("it runs the code of a step without a Windmill")]

FLOW = Path(__file__).parents[1] / "flows" / "apart.py"
TRAIN = spec("train", "start", levels=("node",), gather=60, retries=1, user_retries=1)
LAST = spec("train", "start", levels=("node",), gather=60)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("", 0))
        return int(found.getsockname()[1])


def value(seen: Json, name: str) -> Json:
    return literal_eval(seen["artifacts"][name])


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    home = Home(tmp_path_factory.mktemp("apart"))
    flow = home.write("apart", FLOW.read_text(encoding="utf-8"))
    return Worker(home, flow, deploy(home, flow))


def begun(at: Worker, **parameters: Json) -> Worker:
    """A run of three nodes whose start step is over."""
    worker = at.again()
    assert worker.job(spec("start"), parameters={"port": free_port(), **parameters}).ok()["count"] == 3
    return worker


def started(worker: Worker, *nodes: int, task: Json = TRAIN) -> list[StartedJob]:
    return [worker.start(task, node, splits=3) for node in nodes]


def ended(worker: Worker, *nodes: int, task: Json = TRAIN) -> list[JobEnd]:
    return [job.end() for job in started(worker, *nodes, task=task)]


def test_the_nodes_find_each_other_and_the_join_reads_all(at: Worker) -> None:
    worker = begun(at)
    ends = ended(worker, 2, 0, 1, task=LAST)
    assert [end.ok()["task"] for end in ends] == ["t_node_2", "t", "t_node_1"]
    assert "All 3 nodes have a worker; the control task is at" in ends[0].log
    worker.job(spec("gather", "train", at="gang"), splits=3).ok()
    seen = worker.seen("gather/t")
    assert value(seen, "sums") == [[0, 1, 2]] * 3
    assert value(seen, "places") == [(0, 3, True), (1, 3, False), (2, 3, False)]
    assert value(seen, "told") == [["MF_PARALLEL_NUM_NODES"]] * 3
    assert "node 1 of 3 at attempt 0" in worker.command("logs", f"{worker.run_id}/train/t_node_1")


def test_a_node_that_fails_ends_the_others_and_all_have_the_same_next_attempt(at: Worker) -> None:
    worker = begun(at, fails="0")
    first, failed, third = (end.failed() for end in ended(worker, 0, 1, 2))
    assert (failed["name"], failed["message"]) == ("ValueError", "this node was told to fail")
    assert {first["name"], third["name"]} == {"GangError"}
    assert first["message"] == (
        "Node 1 of the gang failed, so this one was ended too: ValueError: this node was told to fail"
    )
    assert third["message"].startswith("Node 1 of the gang failed")
    assert "ValueError: this node was told to fail" in third["message"]
    assert not any("extra" in error for error in (first, failed, third))
    assert all(end.ok() for end in ended(worker, 0, 1, 2))
    worker.job(spec("gather", "train", at="gang"), splits=3).ok()
    assert value(worker.seen("gather/t"), "attempts") == [1, 1, 1]


def test_a_node_whose_worker_dies_takes_the_others_along_to_the_next_attempt(at: Worker) -> None:
    worker = begun(at, waits=2)
    first, second, dying = started(worker, 0, 1, 2)
    line = dying.process.stdout.readline() if dying.process.stdout else b""
    while b"node 2 of 3" not in line:
        assert line, "the node did not begin"
        assert dying.process.stdout
        line = dying.process.stdout.readline()
    dying.kill()
    again = worker.start(TRAIN, 2, splits=3)
    assert {job.end().failed()["name"] for job in (first, second)} == {"GangError"}
    assert all(end.ok() for end in ended(worker, 0, 1))
    assert again.end().ok()["task"] == "t_node_2"
    worker.job(spec("gather", "train", at="gang"), splits=3).ok()
    assert value(worker.seen("gather/t"), "attempts") == [1, 1, 1]
