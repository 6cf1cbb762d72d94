"""Rules that turn the resources of a step into the tag of its workers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.deployments import fixed_deployment
from tests.support.small_dags import small_dag
from tests.support.walk import all_modules

from metaflow_windmill.compiler import TagRule, compile_flow
from metaflow_windmill.deployment.described.worker_tags import read_rules, tag_beside_steps, without_workers
from metaflow_windmill.errors import DeployError
from metaflow_windmill.graph import Needs

if TYPE_CHECKING:
    from metaflow_windmill.graph import Dag

RULES = '[{"tag": "gpu", "gpu": 1}, {"tag": "large", "memory": 32000, "cpu": 4}]'


def dag_with(**needs: Needs) -> Dag:
    dag = small_dag(start="a", a="b", b="end", end="")
    return replace(dag, steps=tuple(replace(step, needs=needs.get(step.name, Needs())) for step in dag.steps))


def test_the_first_rule_that_holds_decides_and_the_step_itself_wins() -> None:
    dag = dag_with(
        start=Needs(resources={"gpu": 2, "memory": 64000, "cpu": 8}),
        a=Needs(resources={"memory": 32000, "cpu": 4}),
        b=Needs(resources={"gpu": 1}, tag="mine", seconds=7),
    )
    deployment = replace(fixed_deployment("F"), tag_rules=read_rules(RULES), tag="usual")
    modules = compile_flow(dag, deployment).to_json()["value"]["modules"]
    found = {item.id: item.module for item in all_modules(modules)}
    tags = {name: found[name]["value"].get("tag") for name in ("start", "a", "b", "end")}
    assert tags == {"start": "gpu", "a": "large", "b": "mine", "end": "usual"}
    assert found["b"]["timeout"] == 7


def test_a_rule_without_amounts_is_for_the_rest() -> None:
    assert read_rules([{"tag": "x", "gpu": 1}, {"tag": "rest"}])[1].holds({})
    assert read_rules("[]") == ()


def test_what_is_no_step_goes_where_all_steps_go_or_those_that_ask_for_nothing() -> None:
    same = Needs(tag="store")
    rules = read_rules([{"tag": "gpu", "gpu": 1}, {"tag": "rest"}])
    assert tag_beside_steps(dag_with(start=same, a=same, b=same, end=same), rules) == "store"
    assert tag_beside_steps(dag_with(start=same, a=same, b=same), rules) == "rest"
    assert tag_beside_steps(dag_with(start=same), read_rules(RULES)) is None
    assert tag_beside_steps(dag_with(), ()) is None


def test_steps_whose_resources_mean_nothing_are_known() -> None:
    usual = Needs(resources={"cpu": 1, "memory": 4096})
    dag = dag_with(
        start=Needs(resources={"cpu": 2}),
        a=usual,
        b=Needs(resources={"gpu": 1}),
        end=Needs(resources={"cpu": 9}, tag="x"),
    )
    assert without_workers(dag, [TagRule("gpu", {"gpu": 1})]) == ["start"]
    assert without_workers(dag, [TagRule("rest")]) == []


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("gpu", "METAFLOW_WINDMILL_WORKER_TAGS is not JSON"),
        ("{}", r"must be a list of rules, such as \[\{"),
        ('[{"gpu": 1}]', r'has the rule \{"gpu": 1\}, which names no tag of a worker'),
        ([{"tag": "two words"}], "names no tag of a worker"),
        ([{"tag": "gpu", "gpu": "1"}], "'gpu' of the tag 'gpu' takes a number, not '1'"),
    ],
)
def test_settings_that_are_no_rules(setting: Any, sentence: str) -> None:
    with pytest.raises(DeployError, match=sentence):
        read_rules(setting)
