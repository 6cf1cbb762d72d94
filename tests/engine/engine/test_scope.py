"""What expressions see without JavaScript, and what ``error`` means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.engine_bench import bench, flow, loop, static, step

from metaflow_windmill.devserver.engine.scope import error_of

if TYPE_CHECKING:
    from pathlib import Path

    from metaflow_windmill.types import Json


@pytest.mark.parametrize(
    ("previous", "error"),
    [
        ({"error": {"name": "E"}}, {"name": "E"}),
        ([1, {"error": {"name": "E"}}], {"name": "E"}),
        (
            [{"error": {"message": "m", "step_id": "s"}}, {"error": {"name": "N"}}],
            {
                "name": "MultipleErrors",
                "message": "[s] m; [1] N",
                "errors": [{"error": {"message": "m", "step_id": "s"}}, {"error": {"name": "N"}}],
            },
        ),
        ([1], {"name": "MultipleErrors", "message": "Could not parse errors", "errors": [1]}),
        ({"x": 1}, {"name": "UnknownError", "message": "Could not parse the error", "error": {"x": 1}}),
        (None, {"name": "UnknownError", "message": "No error found"}),
    ],
)
def test_the_error_of_what_was_before(previous: Json, error: Json) -> None:
    assert error_of(previous) == error


class Forbidden:
    """An evaluator that must not be asked."""

    def evaluate(self, expression: str, *_: object) -> Json:
        raise AssertionError(f"JavaScript was started for {expression}")

    def close(self) -> None:
        """Do nothing."""


def test_plain_look_ups_never_start_javascript(tmp_path: Path) -> None:
    looked_up = {
        "whole": "results.s",
        "deep": "results.s.v.k",
        "list": "results.l[1].i",
        "none": "results.s.nope.further",
        "own": "flow_input.n",
        "bracket": 'flow_input["a b"]',
        "env": "flow_env.who",
        "before": "previous_result",
        "padded": "  results.s  ",
    }
    value = flow(
        step("s", inputs={"v": static({"k": [7]})}),
        loop("l", "flow_input.items", step("a", inputs={"i": "flow_input.iter"})),
        step("e", inputs=looked_up),
        flow_env={"who": "ada"},
    )
    with bench(tmp_path, evaluator=Forbidden()) as stand:
        seen = stand.run(value, {"n": 1, "a b": 2, "items": [1, 2]})
    assert seen.result == {
        "whole": {"v": {"k": [7]}},
        "deep": [7],
        "list": {"index": 1, "value": 2},
        "none": None,
        "own": 1,
        "bracket": 2,
        "env": "ada",
        "before": [{"i": {"index": 0, "value": 1}}, {"i": {"index": 1, "value": 2}}],
        "padded": {"v": {"k": [7]}},
    }
