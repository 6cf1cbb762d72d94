"""How many tasks each step will have: what the deployed document tells, for every shape that it has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from metaflow_windmill.runs.expected_tasks import Planned, plan_of

GOLDEN = Path(__file__).parents[2] / "golden" / "flows"
ONCE, UNSURE = Planned(), Planned(certain=False)


def planned(name: str) -> dict[str, Planned]:
    return plan_of(json.loads((GOLDEN / f"{name}.json").read_text())["value"])


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        ("linear", {}),
        ("foreach_body", {"train": Planned("start"), "score": Planned("start")}),
        (
            "nested_foreach",
            {"group": Planned("start"), "member": Planned("group"), "gather": Planned("start")},
        ),
        ("split_in_foreach", dict.fromkeys(("prepare", "left", "right", "both"), Planned("start"))),
        (
            "chunks",
            {
                "simple": Planned("start"),
                "group": Planned("regroup"),
                "members_done": Planned("regroup"),
                **dict.fromkeys(("member", "left", "right", "both"), Planned("group")),
            },
        ),
        ("gang", {}),
        ("recursion", {"turn": UNSURE}),
        ("switch", dict.fromkeys(("cat", "dog", "walk", "bird"), UNSURE)),
        (
            "switch_in_foreach",
            {
                "look": Planned("start"),
                **dict.fromkeys(("odd", "even", "halve"), Planned("start", certain=False)),
            },
        ),
        ("exit_hooks", {"work": Planned("start")}),
    ],
)
def test_a_step_runs_once_but_for_loops_and_choices(flow: str, expected: dict[str, Planned]) -> None:
    found = planned(flow)
    assert {step: place for step, place in found.items() if place != ONCE} == {
        step: place for step, place in expected.items() if step in found
    }
    assert set(expected) <= set(found)


def test_the_splits_of_a_pack_are_those_of_its_last_step() -> None:
    found = planned("packed")
    assert list(found)[:4] == ["start", "load", "measure", "weigh"]
    assert found["load"] == ONCE
    assert found["measure"] == found["weigh"] == found["elsewhere"] == Planned("load")
    assert planned("packed_lanes")["member"] == Planned("group")


def test_the_nodes_of_a_gang_are_counted_where_each_is_a_job() -> None:
    task = {"task": {"value": {"step": "train", "levels": ["node"]}}}
    node = {"id": "train", "value": {"type": "rawscript", "input_transforms": task}}
    loop = {"type": "forloopflow", "iterator": {"expr": "results.start.foreach"}, "modules": [node]}
    first = {"type": "rawscript", "input_transforms": {"task": {"value": {"step": "start"}}}}
    modules = [{"id": "start", "value": first}, {"id": "start_nodes", "value": loop}]
    assert plan_of({"modules": modules}) == {"start": ONCE, "train": Planned("start")}


def test_a_step_of_two_arms_is_one_step_that_nobody_can_be_sure_of() -> None:
    found = planned("switch_shared")
    assert (found["use"], found["whole"]) == (UNSURE, UNSURE)
    assert found["part"] == Planned("use", certain=False)
    assert found["report"] == ONCE
