from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.support.deployments import fixed_deployment
from tests.support.small_dags import small_dag

from metaflow_windmill.compiler import ArmLimits, compile_flow, mermaid
from metaflow_windmill.errors import InvalidDocument
from metaflow_windmill.openflow import FlowValue, Identity, Module, RawScript

if TYPE_CHECKING:
    from metaflow_windmill.graph import Dag


def drawn(dag: Dag, max_workers: int | None = None) -> list[str]:
    value = compile_flow(dag, fixed_deployment(dag.name, max_workers)).value
    return [line.strip() for line in mermaid(value).splitlines()]


def arrows(lines: list[str]) -> set[str]:
    return {line for line in lines if "-->" in line}


def test_steps_in_a_row_are_boxes_with_arrows() -> None:
    assert drawn(small_dag(start="a", a="end", end="")) == [
        "flowchart TD",
        'm_start["start"]',
        'm_a["a"]',
        'm_end["end"]',
        "m_start --> m_a",
        "m_a --> m_end",
    ]


def test_a_loop_is_a_frame() -> None:
    lines = drawn(small_dag("j", start="foreach a", a="j", j="end", end=""))
    assert lines[2:5] == ['subgraph m_start_foreach["foreach items"]', 'm_a["a"]', "end"]
    assert arrows(lines) == {"m_start --> m_a", "m_a --> m_j", "m_j --> m_end"}


def test_branches_leave_one_step_and_meet_in_their_join() -> None:
    lines = drawn(small_dag("j", start="split a b", a="j", b="j", j="end", end=""))
    assert {"m_start --> m_a", "m_start --> m_b", "m_a --> m_j", "m_b --> m_j"} <= arrows(lines)


def test_cases_stand_on_the_arrows_and_one_that_goes_straight_on_is_an_arrow() -> None:
    lines = drawn(small_dag(start="switch a end", a="end", end=""))
    assert arrows(lines) == {
        'm_start -->|"case a"| m_a',
        'm_start -->|"case end"| m_end',
        "m_a --> m_end",
    }
    assert not any("no such case" in line for line in lines)


def test_a_choice_in_one_row_has_the_same_arrows_as_one_with_arms() -> None:
    dag = small_dag(
        "j", start="switch a c", a="split x y", x="j", y="j", j="k", k="switch b c", b="end", c="end", end=""
    )
    with_arms, flat = (
        mermaid(compile_flow(dag, fixed_deployment(dag.name), limits).value)
        for limits in (ArmLimits(), ArmLimits(0, 0))
    )
    steps = re.compile(r"m_(\w+?)(?:__\d)? -->(?:.*\|)? m_(\w+?)(?:__\d)?$", re.MULTILINE)
    assert set(steps.findall(flat)) == set(steps.findall(with_arms))


def test_a_step_that_returns_to_itself_has_an_arrow_to_itself() -> None:
    lines = drawn(small_dag(start="r", r="switch r a b", a="end", b="end", end=""))
    assert {'m_r -->|"again"| m_r', 'm_r -->|"case a"| m_a', "m_start --> m_r"} <= arrows(lines)


def test_quotes_in_a_summary_do_not_end_it() -> None:
    module = Module("a", Identity(), 'say "x"')
    leaf = compile_flow(small_dag(only=""), fixed_deployment("F")).value.modules[0]
    quoted = Module("b", leaf.value, 'say "x"')
    assert 'm_b["say #quot;x#quot;"]' in mermaid(FlowValue((module, quoted)))


def test_a_leaf_that_the_compiler_did_not_make_is_refused() -> None:
    with pytest.raises(InvalidDocument, match="the module 'x' is no task of a compiled flow"):
        mermaid(FlowValue((Module("x", RawScript("def main(): ...")),)))


def test_where_a_switch_picks_the_join_each_branch_has_an_arrow_to_its_own() -> None:
    dag = small_dag(
        "j k",
        start="split a b",
        a="switch a1 a2",
        b="switch b1 b2",
        a1="j",
        a2="k",
        b1="j",
        b2="k",
        j="end",
        k="end",
        end="",
    )
    to_j = {line.split()[0] for line in arrows(drawn(dag)) if line.endswith(" m_j")}
    to_k = {line.split()[0] for line in arrows(drawn(dag)) if line.endswith(" m_k")}
    assert (to_j, to_k) == ({"m_a1", "m_b1"}, {"m_a2", "m_b2"})
