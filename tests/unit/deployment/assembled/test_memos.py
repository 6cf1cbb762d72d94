"""What `@memo` may leave out of the comparison."""

from __future__ import annotations

import pytest
from tests.support.small_dags import small_dag

from metaflow_windmill.deployment.assembled.memos import check_ignored
from metaflow_windmill.errors import DeployError
from metaflow_windmill.graph.dag import Remembers

BODY = {"body": "split a b", "a": "both", "b": "both", "both": "join"}
LOOP = small_dag("both join", start="foreach body", **BODY, join="end", end="")


@pytest.mark.parametrize("step", ["body", "a", "both"])
def test_the_list_that_tells_tasks_apart_cannot_be_ignored(step: str) -> None:
    with pytest.raises(DeployError, match=f"step '{step}' is told apart by the list 'items' that 'start'"):
        check_ignored(LOOP, {step: Remembers(ignore=("label", "items"))})


@pytest.mark.parametrize("step", ["start", "join", "end"])
def test_steps_outside_of_the_loop_may_ignore_it(step: str) -> None:
    check_ignored(LOOP, {step: Remembers(ignore=("items",))})
    check_ignored(LOOP, {"body": Remembers(ignore=("label",))})
