from __future__ import annotations

from itertools import pairwise

import pytest

from metaflow_windmill.errors import CompileError
from metaflow_windmill.graph import Step, StepKind, arrange


def steps(**given: tuple[StepKind, str]) -> dict[str, Step]:
    return {name: Step(name, kind, tuple(following.split())) for name, (kind, following) in given.items()}


def test_a_flow_may_have_more_steps_in_a_row_than_python_has_frames() -> None:
    names = [f"step_{number}" for number in range(5000)]
    row = {name: Step(name, next=(after,)) for name, after in pairwise(names)}
    row[names[-1]] = Step(names[-1], "end")
    assert [step.name for step in arrange(row, names[0], ())] == names


def test_each_join_closes_the_split_that_is_open() -> None:
    graph = steps(
        start=("foreach", "outer"),
        outer=("split", "left right"),
        left=("linear", "inner"),
        right=("linear", "inner"),
        inner=("linear", "all"),
        all=("linear", "end"),
        end=("end", ""),
    )
    joins = {step.name: step.joins for step in arrange(graph, "start", {"inner", "all"}) if step.joins}
    assert joins == {"inner": ("outer",), "all": ("start",)}


def test_steps_out_of_reach_are_left_out() -> None:
    graph = steps(start=("linear", "end"), end=("end", ""), island=("linear", "end"))
    assert [step.name for step in arrange(graph, "start", ())] == ["start", "end"]


def test_a_step_both_inside_and_outside_of_a_split_is_refused() -> None:
    graph = steps(start=("switch", "each end"), each=("foreach", "end"), end=("end", ""))
    with pytest.raises(CompileError, match="'end' is reached both inside and outside of a split"):
        arrange(graph, "start", ())
