"""The steps that the modules of a flow's value run, at any depth."""

from __future__ import annotations

from typing import Any

from metaflow_windmill.contract.pack import Pack
from metaflow_windmill.contract.task_spec import TaskSpec
from metaflow_windmill.runs.flow_modules import ModuleSteps, steps_of


def test_the_steps_of_a_document() -> None:
    def leaf(step: str) -> dict[str, Any]:
        value = {
            "type": "rawscript",
            "input_transforms": {"task": {"type": "static", "value": {"step": step}}},
        }
        return {"id": f"{step}__2", "value": value}

    document = {
        "modules": [
            leaf("start"),
            {"id": "pass", "value": {"type": "identity"}},
            {"id": "loop", "value": {"type": "forloopflow", "modules": [leaf("work")]}},
            {"id": "arms", "value": {"type": "branchall", "branches": [{"modules": [leaf("left")]}]}},
            {
                "id": "choice",
                "value": {
                    "type": "branchone",
                    "branches": [{"modules": [leaf("one")]}],
                    "default": [leaf("other")],
                },
            },
        ]
    }
    names = ("start", "work", "left", "one", "other")
    assert steps_of(document) == {f"{step}__2": ModuleSteps((step,)) for step in names}


def test_the_steps_of_a_job_of_several_tasks() -> None:
    pack = Pack((TaskSpec("work", levels=("foreach",)), TaskSpec("after", levels=("foreach",))), items=2)
    value = {"type": "rawscript", "input_transforms": {"task": {"type": "static", "value": pack.to_json()}}}
    assert steps_of({"modules": [{"id": "work", "value": value}]}) == {
        "work": ModuleSteps(("work", "after"), packed=True)
    }
