"""Further attempts for lost workers, beside those for what a step's code raises."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.deployments import fixed_deployment
from tests.support.small_dags import linear_dag

from metaflow_windmill.compiler import compile_flow
from metaflow_windmill.compiler.task_modules import RETRY_IF, RETRY_IF_LOST
from metaflow_windmill.graph.dag import Needs, Retries


def compiled(own: int | None, of_all: int | None, retries: Retries) -> Any:
    dag = linear_dag(3)
    steps = tuple(
        replace(step, needs=Needs(retry_lost=own, seconds=60), retries=retries) for step in dag.steps
    )
    asked = replace(fixed_deployment("RowFlow"), retry_lost=of_all)
    document = compile_flow(replace(dag, steps=steps), asked).to_json()
    return document["value"]["modules"][0]


@pytest.mark.parametrize(
    ("own", "of_all", "user", "attempts", "retry_if"),
    [
        (None, None, 0, None, None),
        (0, 3, 0, None, None),
        (2, None, 0, 2, RETRY_IF_LOST),
        (None, 3, 0, 3, RETRY_IF_LOST),
        (1, None, 2, 3, RETRY_IF),
        (0, None, 2, 2, RETRY_IF),
    ],
)
def test_attempts(
    own: int | None, of_all: int | None, user: int, attempts: int | None, retry_if: str | None
) -> None:
    module = compiled(own, of_all, Retries(user=user))
    task = module["value"]["input_transforms"]["task"]["value"]
    said = own if own is not None else of_all
    assert (task.get("retry_lost"), task.get("limit")) == (said, None if said is None else 60)
    if attempts is None:
        assert "retry" not in module
    else:
        assert module["retry"]["constant"]["attempts"] == attempts
        assert module["retry"]["retry_if"]["expr"] == retry_if
