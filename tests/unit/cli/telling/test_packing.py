"""When `create` advises to run several items of a foreach in one job."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from tests.support.answering import Answering
from tests.support.deployments import fixed_deployment
from tests.support.small_dags import small_dag

from metaflow_windmill.cli.flow.telling.packing import advice, advised
from metaflow_windmill.client.models import Job, JobState
from metaflow_windmill.compiler import compile_flow

BODIES = {"work": "work", "work__2": "work", "long": "long"}
BEGAN = datetime(2026, 1, 1, tzinfo=timezone.utc)


def jobs(module: str, count: int, seconds: float, state: JobState = JobState.SUCCEEDED) -> list[Job]:
    ended = BEGAN + timedelta(seconds=seconds)
    path = f"f/flows/F/forloop-1/{module}"
    return [Job(str(number), state, path, started_at=BEGAN, completed_at=ended) for number in range(count)]


def test_many_short_tasks_are_better_packed() -> None:
    told = advised(BODIES, [*jobs("work", 15, 0.4), *jobs("work__2", 10, 0.4), *jobs("long", 90, 9)])
    assert told.startswith("the last 25 tasks of work took 0.4 s each")
    assert "--pack 25 runs 25 items" in told
    assert "--pack 6 runs" in advised(BODIES, jobs("work", 30, 1.7))


def test_few_or_long_tasks_and_those_that_failed_are_left_as_they_are() -> None:
    assert not advised(BODIES, jobs("work", 19, 0.4))
    assert not advised(BODIES, jobs("work", 90, 2.5))
    assert not advised(BODIES, jobs("work", 90, 0.4, JobState.FAILED))
    assert not advised(BODIES, jobs("another", 90, 0.4))


def test_only_a_foreach_whose_items_can_be_packed_is_looked_at() -> None:
    server = Answering({"GET /jobs/completed/list": [[]]})
    dag = small_dag("j", start="foreach w", w="v", v="j", j="end", end="")
    value = compile_flow(dag, fixed_deployment("F")).to_json()["value"]
    assert not advice(server.windmill, "f/flows/F", value)
    assert server.asked[0].query["script_path_start"] == "f/flows/F/"
    split = small_dag("k j", start="foreach w", w="split x y", x="k", y="k", k="j", j="end", end="")
    for dag_, pack in ((small_dag(start="end", end=""), None), (split, None), (dag, 10)):
        value = compile_flow(dag_, fixed_deployment("F", pack=pack)).to_json()["value"]
        assert not advice(server.windmill, "f/flows/F", value)
    assert len(server.asked) == 1
