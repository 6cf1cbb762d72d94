from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from tests.support.scripted_server import Answer, answer, scripted_server
from tests.support.tasks import MemoryTasks

from metaflow_windmill.contract.task import TaskSpec
from metaflow_windmill.errors import RetryNotAllowed
from metaflow_windmill.runtime.attempts import disagreement, failures_before, finished, next_attempt
from metaflow_windmill.runtime.job import Job

if TYPE_CHECKING:
    from metaflow_windmill.runtime.tasks import Tasks

RETRIED = TaskSpec("train", retries=2)


def parent(retry: object = None) -> Answer:
    return answer({"id": "parent", "type": "QueuedJob", "flow_status": {"retry": retry} if retry else {}})


def failed(path: str) -> Answer:
    return answer({"id": "failed", "type": "CompletedJob", "success": False, "script_path": path})


def job(server: str = "") -> Job:
    return Job(id="this", workspace="w", flow="parent", step="train", server=server)


@pytest.mark.parametrize(("begun", "number"), [([], 0), ([0], 1), ([0, 1, 2], 3), ([0, 2], 3)])
def test_an_attempt_follows_the_last_one(begun: list[int], number: int) -> None:
    assert next_attempt(begun, 6) == number


def test_metaflow_would_not_read_a_seventh() -> None:
    with pytest.raises(RetryNotAllowed, match=r"begun 6 times already.*no more than 6"):
        next_attempt(range(6), 6)


def test_a_task_that_ended_well_in_this_run_is_not_run_again() -> None:
    outcome = {"branch": "a", "splits": None}
    tasks = MemoryTasks(notes={("here/t", 1): {"root": "r", "job": "j", "outcome": outcome}})
    assert finished(cast("Tasks", tasks), "here/t", [0, 1], "r") == outcome
    assert finished(cast("Tasks", tasks), "here/t", [0, 1], "another run, restarted here") is None
    assert finished(cast("Tasks", tasks), "here/t", [0, 1, 2], "r") is None
    assert finished(cast("Tasks", tasks), "here/t", [], "r") is None


def test_windmill_is_asked_for_steps_that_it_retries_only() -> None:
    with scripted_server() as server:
        assert failures_before(TaskSpec("train"), job(server.url), "token") is None
        assert failures_before(RETRIED, Job(retry=2), "token") == 2
        assert failures_before(RETRIED, Job(), "token") is None
    assert server.seen == []


def test_the_parent_job_knows_the_failures() -> None:
    with scripted_server(parent()) as server:
        assert failures_before(RETRIED, job(server.url), "token") == 0
    with scripted_server(
        parent({"fail_count": 2, "failed_jobs": ["a", "failed"]}), failed("f/flows/F/train")
    ) as server:
        assert failures_before(RETRIED, job(server.url), "token") == 2
    assert [seen.path.partition("?")[0] for seen in server.seen] == [
        "/api/w/w/jobs_u/get/parent",
        "/api/w/w/jobs_u/get/failed",
    ]


def test_a_counter_that_another_step_left_behind_is_left_out() -> None:
    left = parent({"fail_count": 3, "failed_jobs": ["failed"]})
    with scripted_server(left, failed("f/flows/F/forloop-1/before")) as server:
        assert failures_before(RETRIED, job(server.url), "token") == 0


@pytest.mark.parametrize("said", [Answer(403, "no"), Answer(500, "broken"), Answer(drop=True)])
def test_a_windmill_that_does_not_answer_does_not_matter(said: Answer) -> None:
    with scripted_server(said) as server:
        assert failures_before(RETRIED, job(server.url), "token") is None
    assert failures_before(RETRIED, job("http://127.0.0.1:9"), "token") is None
    assert failures_before(RETRIED, job("http://127.0.0.1:9"), "") is None


def test_more_failures_than_attempts_are_worth_a_sentence() -> None:
    assert "counts 2 failed attempts of this step, the datastore 1" in disagreement(1, 2)
    assert disagreement(2, 2) == disagreement(3, 1) == disagreement(0, None) == ""
