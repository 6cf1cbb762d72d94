"""Which run may be resumed, and what the new one is asked for with."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.answering import Answering
from tests.support.tasks import record

from metaflow_windmill.client.transport import Response
from metaflow_windmill.contract.record import ParameterInfo
from metaflow_windmill.errors import DeployError, InvalidParameter
from metaflow_windmill.runs.resumption import Former, check_step, former_run, resume

PATH = "f/flows/Flow"
JOB = "0198c0de-0000-7000-8000-000000000000"
RECORD = record(
    parameters=(ParameterInfo("alpha", "alpha", "int", required=True), ParameterInfo("name", "name", "str"))
)


def job(**values: Any) -> dict[str, Any]:
    plain = {"id": JOB, "type": "CompletedJob", "success": False, "script_path": PATH, "args": {"alpha": 1}}
    return {**plain, **values}


def flow(path: str = PATH, name: str = "Flow") -> dict[str, Any]:
    value = {"modules": [], "flow_env": {"metaflow": record(flow=name).to_json()}}
    return {"path": path, "value": value}


def server(**values: Any) -> Answering:
    answers = {
        f"GET /jobs_u/get/{JOB}": job(**values),
        f"GET /flows/get/{PATH}": flow(),
        "GET /flows/get/f/other/Flow": flow("f/other/Flow"),
        "GET /flows/get/f/flows/Else": flow("f/flows/Else", "Else"),
        "GET /jobs/list": [[{"id": JOB, "script_path": PATH}]],
        f"POST /jobs/run/f/{PATH}": "",
    }
    return Answering(answers)


def former(there: Answering, given: str | None = f"windmill-{JOB}") -> Former:
    return former_run(there.windmill, PATH, RECORD, given)


@pytest.mark.parametrize("given", [None, f"windmill-{JOB}", JOB, f"Flow/windmill-{JOB}", f" {JOB.upper()} "])
def test_a_run_on_windmill_comes_with_what_it_was_started_with(given: str | None) -> None:
    assert former(server(), given) == Former(f"windmill-{JOB}", known=True, arguments={"alpha": 1})


def test_a_run_of_another_deployment_of_the_flow_will_do() -> None:
    assert former(server(script_path="f/other/Flow")).run_id == f"windmill-{JOB}"


@pytest.mark.parametrize("given", ["1763", "Flow/1763", "argo-flow-x7k2"])
def test_a_run_of_another_runtime_is_asked_of_nobody(given: str) -> None:
    there = server()
    assert former(there, given) == Former(given.rpartition("/")[2])
    assert there.asked == []


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"script_path": "f/flows/Else"}, "is a run of Else, and only a run of Flow can be resumed here"),
        ({"script_path": "f/scripts/x"}, "is a run of f/scripts/x, and only a run of Flow"),
        ({"parent_job": "a-parent"}, f"windmill-{JOB} is a run of {PATH}, and only"),
        ({"type": "QueuedJob", "running": True}, "is not over yet; wait for it, or stop it"),
    ],
)
def test_what_cannot_be_resumed(values: dict[str, Any], wanted: str) -> None:
    with pytest.raises(DeployError, match=wanted):
        former(server(**values))


def test_a_run_that_is_not_there() -> None:
    there = Answering({"GET /jobs/list": [[]]})
    assert former(there) == Former(f"windmill-{JOB}", known=False), "its data may be there"
    with pytest.raises(DeployError, match="f/flows/Flow has no run yet"):
        former(there, None)
    with pytest.raises(DeployError, match="windmill-12 is no run on Windmill"):
        former(there, "windmill-12")
    with pytest.raises(DeployError, match="Else/12 is a run of Else"):
        former(there, "Else/12")


def test_the_new_run_is_asked_for_with_the_old_arguments_and_an_order() -> None:
    there = server()
    order_before = {"run": "12", "steps": [], "parameters": []}
    old = Former(f"windmill-{JOB}", known=True, arguments={"alpha": 1, "gone": 2, "$resume": order_before})
    run = resume(there.windmill, PATH, RECORD, old, steps=["b"], texts={"name": "new"})
    assert there.asked[-1].body == {
        "alpha": 1,
        "name": "new",
        "$resume": {"run": f"windmill-{JOB}", "steps": ["b"], "parameters": ["name"]},
    }
    assert there.asked[-1].query["job_id"] == run.job_id != JOB


def test_a_required_parameter_is_that_of_the_old_run() -> None:
    there = server()
    resume(there.windmill, PATH, RECORD, Former("1763"))
    assert there.asked[-1].body == {"$resume": {"run": "1763", "steps": [], "parameters": []}}


def test_wrong_values_are_refused_before_anything_is_sent() -> None:
    there = Answering({f"POST /jobs/run/f/{PATH}": Response(500)})
    with pytest.raises(InvalidParameter, match="'alpha' takes a whole number, not 'x'"):
        resume(there.windmill, PATH, RECORD, Former("12"), texts={"alpha": "x"})
    assert there.asked == []


def test_a_step_must_be_in_the_deployed_flow() -> None:
    def module(name: str) -> dict[str, Any]:
        task = {"type": "static", "value": {"step": name}}
        return {"id": name, "value": {"type": "rawscript", "input_transforms": {"task": task}}}

    value = {"modules": [module("start"), module("end")]}
    check_step("end", value)
    with pytest.raises(DeployError, match="has no step 'stop'; its steps are start, end"):
        check_step("stop", value)
