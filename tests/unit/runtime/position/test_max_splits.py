from __future__ import annotations

import pytest
from tests.support.simulated import RECORD

from metaflow_windmill.contract.task_spec import TaskSpec
from metaflow_windmill.errors import TaskError
from metaflow_windmill.runtime.attempt.result import result
from metaflow_windmill.runtime.position.current_job import CurrentJob
from metaflow_windmill.runtime.position.identity import Task


def splitting(spec: TaskSpec, splits: int) -> object:
    return result(Task(spec, RECORD, CurrentJob(), "windmill-1"), {"branch": None, "splits": splits}).get(
        "count"
    )


def test_a_foreach_may_make_as_many_splits_as_it_was_deployed_for() -> None:
    assert splitting(TaskSpec("fan_out", max_splits=3), 3) == 3


def test_more_splits_fail_with_metaflow_s_words() -> None:
    with pytest.raises(
        TaskError, match=r"\*fan_out\* yielded 4 .* maximum of 3 children.* --max-num-splits option"
    ):
        splitting(TaskSpec("fan_out", max_splits=3), 4)


def test_without_a_limit_there_is_none() -> None:
    assert splitting(TaskSpec("fan_out"), 5000) == 5000
