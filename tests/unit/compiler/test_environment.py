from __future__ import annotations

from dataclasses import replace

from tests.support.deployments import fixed_deployment
from tests.support.small_dags import small_dag
from tests.support.walk import all_modules

from metaflow_windmill.compiler import compile_flow
from metaflow_windmill.contract.task_spec import TaskSpec
from metaflow_windmill.graph.dag import Decorator


def test_a_task_knows_the_variables_of_its_own_step_as_texts() -> None:
    dag = small_dag(start="a", a="end", end="")
    asks = Decorator("environment", {"vars": {"NUMBER": 3, "TEXT": "x"}})
    dag = replace(dag, steps=tuple(replace(s, decorators=(asks,)) if s.name == "a" else s for s in dag.steps))
    value = compile_flow(dag, fixed_deployment(dag.name)).to_json()["value"]
    tasks = {
        found.id: found.module["value"]["input_transforms"]["task"] for found in all_modules(value["modules"])
    }
    assert TaskSpec.from_json(tasks["a"]["value"]).environment == {"NUMBER": "3", "TEXT": "x"}
    assert "environment" not in tasks["start"]["value"]
