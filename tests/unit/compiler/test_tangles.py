from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.deployments import fixed_deployment
from tests.support.small_dags import small_dag
from tests.support.walk import Found, all_modules

from metaflow_windmill.compiler import ArmLimits, compile_flow
from metaflow_windmill.compiler.merges import merges
from metaflow_windmill.compiler.tangles import tangled
from metaflow_windmill.contract.task_spec import ParentStep, TaskSpec
from metaflow_windmill.errors import UnsupportedFlow

if TYPE_CHECKING:
    from metaflow_windmill.graph import Dag

ALWAYS = ArmLimits(0, 0)


def flat(dag: Dag, limits: ArmLimits | None = None) -> frozenset[str]:
    return tangled(dag, merges(dag), limits or ArmLimits())


def modules(dag: Dag, limits: ArmLimits | None = None) -> dict[str, Found]:
    value = compile_flow(dag, fixed_deployment(dag.name), limits).to_json()["value"]
    return {found.id: found for found in all_modules(value["modules"])}


def skipped_if(dag: Dag, limits: ArmLimits | None = None) -> dict[str, str]:
    found = modules(dag, limits).items()
    return {id_: one.module["skip_if"]["expr"] for id_, one in found if "skip_if" in one.module}


def choices(dag: Dag, limits: ArmLimits | None = None) -> dict[str, list[str]]:
    found = modules(dag, limits).items()
    chosen = {id_: one.module["value"] for id_, one in found if one.type == "branchone"}
    return {id_: [branch["expr"] for branch in value["branches"]] for id_, value in chosen.items()}


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
    assert flat(dag, ArmLimits(0, 1)) == frozenset()


def test_a_step_is_skipped_unless_the_task_before_leads_to_it() -> None:
    dag = small_dag(start="switch a b", a="c", b="switch c end", c="end", end="")
    assert skipped_if(dag, ALWAYS) == {
        "a": '!(results.start.branch === "a")',
        "b": '!(results.a.branch === "b")',
        "c": '!(results.b.branch === "c" || ["a"].includes(results.b.step))',
    }


def test_a_split_stands_with_its_join_in_a_choice_of_one_arm() -> None:
    dag = small_dag("j", start="switch s t", s="split a b", a="j", b="j", j="end", t="end", end="")
    assert skipped_if(dag, ALWAYS) == {"t": '!(results.start.branch === "t")'}
    assert choices(dag, ALWAYS) == {"s_chosen": ['results.start.branch === "s"']}
    found = modules(dag, ALWAYS)
    assert {id_ for id_, one in found.items() if [around.id for around in one.around] == ["s_chosen"]} == {
        *("s", "s_split", "j", "s_pass")
    }


def test_the_last_turn_of_a_step_that_returns_to_itself_says_what_comes_next() -> None:
    dag = small_dag(start="switch r a", r="switch r a b", a="end", b="end", end="")
    assert choices(dag, ALWAYS) == {"r_turns_chosen": ['results.start.branch === "r"']}
    last = "results.r_turns_chosen.slice(-1)[0]"
    told = f'results.start.branch === "a" || {last}.branch === "a"'
    assert skipped_if(dag, ALWAYS) == {"a": f"!({told})", "b": f'!({last}.branch === "b")'}
    found = modules(dag, ALWAYS)
    assert found["r_turns_pass"].module["mock"] == {"enabled": True, "return_value": [{}]}
    spec = TaskSpec.from_json(found["a"].module["value"]["input_transforms"]["task"]["value"])
    assert spec.inputs[0].any_of == (ParentStep("r", recursive=True), ParentStep("start"))


def test_a_row_before_several_joins_ends_with_which_of_them_it_leads_to() -> None:
    one = {"x": "switch y r", "y": "j", "r": "switch r z", "z": "k"}
    other = {"v": "switch a b", "a": "j", "b": "k"}
    dag = small_dag("j k", start="split x v", **one, **other, j="end", k="end", end="")
    (which,) = (told for id_, told in choices(dag, ALWAYS).items() if id_.endswith("_which"))
    assert which == ['["y"].includes(results.y.step)', '["z"].includes(results.z.step)']
    last = [one for id_, one in modules(dag, ALWAYS).items() if "_which" in str(one.around)]
    assert [one.module["mock"]["return_value"] for one in last] == [{"step": "y"}, {"step": "z"}, {}]


@pytest.mark.parametrize("dag", [guarded(400), braided(400)], ids=["guarded", "braided"])
def test_no_number_of_choices_is_too_many(dag: Dag) -> None:
    assert len(modules(dag)) == len(dag.steps) + 1


def nested(levels: int) -> Dag:
    """Return splits in one another, before each of them a choice whether it is taken."""
    lines, joins = {"start": "choose0"}, []
    for at in range(levels):
        inner = f"choose{at + 1}" if at + 1 < levels else f"leaf{at}"
        lines |= {f"choose{at}": f"switch fan{at} past{at}", f"fan{at}": f"split {inner} b{at}"}
        lines |= {f"past{at}": f"after{at}", f"b{at}": f"join{at}"}
    for at in reversed(range(levels)):
        lines |= {f"leaf{at}": f"join{at}"} if at + 1 == levels else {}
        lines |= {f"join{at}": f"after{at}", f"after{at}": f"join{at - 1}" if at else "end"}
        joins.append(f"join{at}")
    return small_dag(" ".join(joins), **lines, end="")


def test_a_choice_around_a_part_of_a_row_counts_as_a_container() -> None:
    for limits in (ALWAYS, ArmLimits()):
        assert max(len(found.around) for found in modules(nested(9), limits).values()) == 18
        with pytest.raises(UnsupportedFlow, match="more than the 255 that Windmill keeps"):
            modules(nested(11), limits)
