"""A job's path has at most 255 characters on Windmill: the flow's, and a name for each level and the step."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.support.deployments import fixed_deployment
from tests.support.small_dags import small_dag

from metaflow_windmill.compiler import compile_flow
from metaflow_windmill.compiler.path_limits import LONGEST, SPARE_DIGITS
from metaflow_windmill.errors import UnsupportedFlow

if TYPE_CHECKING:
    from metaflow_windmill.graph import Dag


def compiled_at(dag: Dag, length: int) -> None:
    """Compile a flow that is deployed at a path of so many characters."""
    compile_flow(dag, replace(fixed_deployment("F"), path="f/flows/".ljust(length, "x")))


def nested(count: int, how: str) -> Dag:
    """Return steps that each split before the one before has joined."""
    arms = {f"s{at}": f"{how} s{at + 1}" + f" x{at}" * (how == "split") for at in range(count)}
    besides = {f"x{at}": f"j{at}" for at in range(count) if how == "split"}
    joins = {f"j{at}": f"j{at - 1}" if at else "end" for at in reversed(range(count))}
    lines = {**arms, **besides, f"s{count}": f"j{count - 1}", **joins, "end": ""}
    return small_dag(" ".join(joins), **lines)


CASES = [
    (small_dag(start="middle", middle="end", end=""), "/end_published"),
    (small_dag("j", start="split a bb", a="j", bb="j", j="end", end=""), "/branchall-1/bb"),
    (small_dag("j", start="foreach body", body="j", j="end", end=""), f"/forloop-0/body{'0' * SPARE_DIGITS}"),
    (nested(2, "foreach"), f"/forloop-0/forloop-0/s2{'0' * SPARE_DIGITS}"),
    (small_dag(start="switch start end", end=""), f"/loop-0/start{'0' * SPARE_DIGITS}"),
]


@pytest.mark.parametrize(("dag", "parts"), CASES, ids=["row", "split", "foreach", "foreaches", "turns"])
def test_a_flow_may_take_all_that_windmill_keeps_of_a_path_and_not_one_character_more(
    dag: Dag, parts: str
) -> None:
    fits = LONGEST - len(parts)
    compiled_at(dag, fits)
    with pytest.raises(UnsupportedFlow, match="may take 256 characters, 1 more than the 255"):
        compiled_at(dag, fits + 1)


def test_the_refusal_names_the_step_the_shares_and_what_to_do() -> None:
    with pytest.raises(UnsupportedFlow) as refused:
        compiled_at(nested(5, "split"), 240)
    said = str(refused.value)
    assert "'x4' stands too deep" in said
    assert "takes 240 of them" in said
    assert "take a shorter --folder, --name or name of the step, or make the inner levels a flow" in said


@pytest.mark.parametrize("how", ["split", "foreach"])
def test_no_path_is_so_short_that_any_depth_will_do(how: str) -> None:
    compiled_at(nested(18, how), 12)
    for levels in (25, 40, 400):
        with pytest.raises(UnsupportedFlow, match="255"):
            compiled_at(nested(levels, how), 12)
