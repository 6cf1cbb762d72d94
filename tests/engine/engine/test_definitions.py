"""What a server makes of a flow value before it runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.engine_bench import again, flow, loop, repeat, static, step

from metaflow_windmill.devserver.engine.definitions import is_simple, part_of, with_virtual_end
from metaflow_windmill.devserver.engine.inputs import with_iter
from metaflow_windmill.openflow import ForLoop, WhileLoop, read_flow_value

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

PLAIN = step("a")


@pytest.mark.parametrize(
    ("value", "preview", "simple"),
    [
        (flow(loop("l", "[1]", PLAIN, parallel=False)), False, True),
        (flow(loop("l", "[1]", PLAIN, parallel=False)), True, False),
        (flow(loop("l", "[1]", PLAIN, parallel=True)), False, False),
        (flow(loop("l", "[1]", PLAIN, step("b"), parallel=False)), False, False),
        (flow(loop("l", "[1]", PLAIN, parallel=False), failure_module=step("failure")), False, False),
        (flow(repeat("l", "true", PLAIN)), True, True),
        (flow(repeat("l", "true", step("a", retry=again(1)))), False, False),
        (flow(repeat("l", "true", step("a", sleep=static(1)))), False, False),
        (flow(repeat("l", "true", step("a", skip_if={"expr": "true"}))), False, False),
        (flow(repeat("l", "true", step("a", mock={"enabled": True}))), False, False),
        (flow(repeat("l", "true", step("a", mock={"enabled": False}))), False, True),
        (flow(repeat("l", "true", step("a", cache_ttl=5))), False, False),
        (flow(repeat("l", "true", {"id": "i", "value": {"type": "identity"}})), False, False),
        (flow(repeat("l", "true")), False, False),
    ],
)
def test_a_loop_is_simple_where_its_body_is_one_plain_leaf(value: Json, preview: bool, simple: bool) -> None:
    read = read_flow_value(value)
    container = read.modules[0].value
    assert isinstance(container, (ForLoop, WhileLoop))
    assert is_simple(read, container, preview=preview) is simple


def test_a_last_module_that_sleeps_is_followed_by_an_identity() -> None:
    read = read_flow_value(flow(step("a"), step("b", sleep=static(1))))
    assert [module.id for module in with_virtual_end(read).modules] == ["a", "b", "b-v"]
    awake = read_flow_value(flow(step("a", sleep=static(1)), step("b")))
    assert with_virtual_end(awake) == awake


def test_the_failure_module_goes_along_and_is_renamed_in_previews() -> None:
    whole = read_flow_value(flow(step("a"), failure_module=step("failure"), preserve_step_tags=True))
    names = {}
    for preview in (True, False):
        part = part_of(whole, whole.modules, "3-1", preview=preview)
        assert part.extra == {"preserve_step_tags": True}
        names[preview] = part.failure_module.id if part.failure_module else None
    assert names == {True: "failure-3-1", False: "failure"}


def test_the_items_of_outer_loops_move_up() -> None:
    args = with_iter({"n": 1}, "iter", "outer")
    args = with_iter(with_iter(args, "iter", "middle"), "iter", "inner")
    assert args == {"n": 1, "iter": "inner", "iter_parent": "middle", "iter_parent_parent": "outer"}
