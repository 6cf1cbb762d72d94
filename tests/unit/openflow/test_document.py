from __future__ import annotations

import pytest

from metaflow_windmill.openflow import (
    Arm,
    Branch,
    BranchAll,
    BranchOne,
    ConstantDelay,
    FlowValue,
    ForLoop,
    Identity,
    Javascript,
    Module,
    RawScript,
    Retry,
    Static,
    StopAfterIf,
    WhileLoop,
    read_flow_value,
)

LEAF = Module("a", RawScript("code", {"x": Static(1), "y": Javascript("flow_input.y")}, lock="# py: 3.11\n"))

SAMPLES = {
    "leaf": LEAF,
    "rules": Module(
        "a",
        Identity(),
        summary="A",
        retry=Retry(ConstantDelay(2, 5)),
        timeout=9,
        stop_after_if=StopAfterIf("result.stop"),
        sleep=Static(1),
        skip_if="false",
        continue_on_error=True,
    ),
    "loop": Module("l", ForLoop(Javascript("results.a.foreach"), (LEAF,), parallel=True)),
    "while": Module("w", WhileLoop((LEAF,)), stop_after_if=StopAfterIf("result.branch !== 'a'")),
    "all": Module("b", BranchAll((Arm((LEAF,), "one"), Arm((Module("i", Identity()),))))),
    "one": Module("c", BranchOne((Branch("results.a", (LEAF,), "case x"),), (Module("d", Identity()),))),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_written_reads_back(name: str) -> None:
    flow = FlowValue((SAMPLES[name],), flow_env={"metaflow": {"format": 1}})
    assert read_flow_value(flow.to_json()) == flow


def test_a_leaf_says_nothing_that_it_need_not() -> None:
    assert LEAF.to_json() == {
        "id": "a",
        "value": {
            "type": "rawscript",
            "language": "python3",
            "content": "code",
            "input_transforms": {
                "x": {"type": "static", "value": 1},
                "y": {"type": "javascript", "expr": "flow_input.y"},
            },
            "lock": "# py: 3.11\n",
        },
    }


def test_flags_with_differing_defaults_are_always_written() -> None:
    loop, both = SAMPLES["loop"].to_json()["value"], SAMPLES["all"].to_json()["value"]
    assert (loop["parallel"], loop["skip_failures"]) == (True, False)
    assert both["parallel"] is True
    assert [arm["skip_failure"] for arm in both["branches"]] == [False, False]
    assert SAMPLES["while"].to_json()["value"]["skip_failures"] is False
    assert SAMPLES["while"].to_json()["stop_after_if"]["skip_if_stopped"] is False


def test_a_retry_writes_only_the_rules_it_has() -> None:
    assert SAMPLES["rules"].to_json()["retry"] == {"constant": {"attempts": 2, "seconds": 5}}
    assert Retry(retry_if="error").to_json() == {"retry_if": {"expr": "error"}}
