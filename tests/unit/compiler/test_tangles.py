from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.deployments import fixed_deployment
from tests.support.small_dags import small_dag
from tests.support.walk import Found, all_modules

from metaflow_windmill.compiler import Limits, compile_flow
from metaflow_windmill.compiler.merges import merges
from metaflow_windmill.compiler.tangles import tangled
from metaflow_windmill.contract.task import Source, TaskSpec

if TYPE_CHECKING:
    from metaflow_windmill.graph import Dag

ALWAYS = Limits(0, 0)


def flat(dag: Dag, limits: Limits | None = None) -> frozenset[str]:
    return tangled(dag, merges(dag), limits or Limits())


def modules(dag: Dag, limits: Limits | None = None) -> dict[str, Found]:
    value = compile_flow(dag, fixed_deployment(dag.name), limits).to_json()["value"]
    return {found.id: found for found in all_modules(value["modules"])}


def skipped_if(dag: Dag, limits: Limits | None = None) -> dict[str, str]:
    found = modules(dag, limits).items()
    return {id_: one.module["skip_if"]["expr"] for id_, one in found if "skip_if" in one.module}


def sources(found: Found) -> list[tuple[str, ...]]:
    spec = TaskSpec.from_json(found.module["value"]["input_transforms"]["task"]["value"])
    return [tuple(source.step for source in item.any_of) for item in spec.inputs]


def guarded(count: int) -> Dag:
    """Return steps of which each may go on or straight to the end."""
    lines = {f"s{number}": f"switch s{number + 1} end" for number in range(count)}
    return small_dag(**lines, **{f"s{count}": "end", "end": ""})


def braided(count: int) -> Dag:
    """Return steps of which each leads to one of the two after it."""
    lines = {f"s{number}": f"switch s{number + 1} s{number + 2}" for number in range(count)}
    return small_dag(**lines, **{f"s{count}": f"s{count + 1}", f"s{count + 1}": "end", "end": ""})


def test_a_choice_of_a_few_arms_has_arms() -> None:
    assert flat(guarded(6)) == frozenset()
    assert flat(braided(5)) == frozenset()
    assert {found.type for found in modules(guarded(3)).values()} >= {"branchone"}


def test_a_long_row_of_choices_is_flat_from_its_first() -> None:
    assert "s0" in flat(guarded(100))
    found = modules(guarded(100))
    assert {one.type for one in found.values()} == {"rawscript"}
    assert len(found) == 103


def test_choices_that_share_their_steps_have_one_module_a_step() -> None:
    found = modules(braided(40))
    assert len(found) == 44
    assert sources(found["s7"]) == [("s6", "s5")]
    assert sources(found["end"]) == [("s41",)]


def test_flat_or_not_is_decided_at_each_choice_by_itself() -> None:
    dag = small_dag(start="switch a b", a="c", b="c", c="switch d e", d="end", e="end", end="")
    assert flat(dag) == frozenset()
    assert flat(dag, ALWAYS) == {"start", "c"}
    assert flat(dag, Limits(0, 1)) == frozenset()


def test_a_step_is_skipped_unless_the_task_before_leads_to_it() -> None:
    dag = small_dag(start="switch a b", a="c", b="switch c end", c="end", end="")
    assert skipped_if(dag, ALWAYS) == {
        "a": '!(results.start.branch === "a")',
        "b": '!(results.a.branch === "b")',
        "c": '!(results.b.branch === "c" || ["a"].includes(results.b.step))',
    }


def test_a_split_and_its_join_are_skipped_with_its_step() -> None:
    dag = small_dag("j", start="switch s t", s="split a b", a="j", b="j", j="end", t="end", end="")
    skipped = skipped_if(dag, ALWAYS)
    assert skipped["s_split"] == skipped["j"] == 'results.s.step !== "s"'
    assert skipped["t"] == '!(results.j.branch === "t")'


def test_the_last_turn_of_a_step_that_returns_to_itself_says_what_comes_next() -> None:
    dag = small_dag(start="switch r a", r="switch r a b", a="end", b="end", end="")
    last = "(results.r_turns.slice ? results.r_turns.slice(-1)[0] : results.r_turns)"
    skipped = skipped_if(dag, ALWAYS)
    assert skipped["r_turns"] == '!(results.start.branch === "r")'
    assert skipped["b"] == f'!({last}.branch === "b")'
    spec = TaskSpec.from_json(modules(dag, ALWAYS)["a"].module["value"]["input_transforms"]["task"]["value"])
    assert spec.inputs[0].any_of == (Source("r", recursive=True), Source("start"))


@pytest.mark.parametrize("dag", [guarded(400), braided(400)], ids=["guarded", "braided"])
def test_no_number_of_choices_is_too_many(dag: Dag) -> None:
    assert len(modules(dag)) == len(dag.steps) + 1
