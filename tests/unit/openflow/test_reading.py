from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.errors import InvalidDocument
from metaflow_windmill.openflow import (
    BranchAll,
    BranchOne,
    ConstantDelay,
    ExponentialDelay,
    ForLoop,
    Identity,
    Javascript,
    Mock,
    Opaque,
    RawScript,
    Retry,
    Script,
    Static,
    StopAfterIf,
    SubFlow,
    Suspend,
    WhileLoop,
    read_flow_value,
)

if TYPE_CHECKING:
    from metaflow_windmill.openflow import Module, Value
    from metaflow_windmill.types import Json

PYTHON = {"type": "rawscript", "language": "python3", "content": "def main(): ..."}


def leaf(id_: str = "a", **rules: Json) -> Json:
    return {"id": id_, "value": PYTHON, **rules}


def read_module(module: Json, *, deployed: bool = True) -> Module:
    return read_flow_value({"modules": [module]}, deployed=deployed).modules[0]


def read_value(value: Json, *, deployed: bool = True) -> Value:
    return read_module({"id": "a", "value": value}, deployed=deployed).value


def refusal(value: Json) -> str:
    with pytest.raises(InvalidDocument) as caught:
        read_flow_value(value)
    return str(caught.value)


def test_a_flow_without_modules_is_a_flow() -> None:
    assert read_flow_value({"modules": []}).modules == ()


def test_a_raw_script_needs_only_its_language_and_content() -> None:
    assert read_value(PYTHON) == RawScript("def main(): ...")


def test_inputs_are_constants_or_expressions() -> None:
    inputs = {"x": {"type": "static"}, "y": {"type": "static", "value": [1]}, "z": {"type": "javascript"}}
    value = read_value({**PYTHON, "input_transforms": inputs})
    assert isinstance(value, RawScript)
    assert value.input_transforms == {"x": Static(None), "y": Static([1]), "z": Javascript("")}


def test_the_older_name_of_the_inputs_is_understood() -> None:
    value = read_value({**PYTHON, "input_transform": {"x": {"type": "static", "value": 1}}})
    assert isinstance(value, RawScript)
    assert value.input_transforms == {"x": Static(1)}
    assert value.extra == {}


def test_scripts_and_flows_are_named_by_path() -> None:
    assert read_value({"type": "script", "path": "f/x/s", "hash": "00ff"}) == Script("f/x/s", hash="00ff")
    assert read_value({"type": "flow", "path": "u/me/f"}) == SubFlow("u/me/f")


def test_identity_agents_and_locked_leaves_are_accepted() -> None:
    assert read_value({"type": "identity"}) == Identity()
    agent = {"type": "aiagent", "input_transforms": {}, "tools": []}
    assert read_value(agent) == Opaque("aiagent", {"input_transforms": {}, "tools": []})
    assert read_value({"type": "flowscript", "id": 3}).to_json() == {"type": "flowscript", "id": 3}


@pytest.mark.parametrize(("deployed", "skips"), [(True, True), (False, False)])
def test_failures_that_nothing_is_said_of_are_skipped_in_deployed_flows_only(
    deployed: bool, skips: bool
) -> None:
    iterator = {"type": "javascript", "expr": "[1]"}
    loop = read_value({"type": "forloopflow", "iterator": iterator, "modules": []}, deployed=deployed)
    both = read_value({"type": "branchall", "branches": [{"modules": []}]}, deployed=deployed)
    assert isinstance(loop, ForLoop)
    assert isinstance(both, BranchAll)
    assert (loop.skip_failures, both.branches[0].skip_failure) == (skips, skips)


def test_loops_are_sequential_and_branches_parallel_unless_they_say_so() -> None:
    loop = read_value({"type": "forloopflow", "iterator": {"type": "static", "value": []}, "modules": []})
    both = read_value({"type": "branchall", "branches": []})
    again = read_value({"type": "whileloopflow", "modules": [leaf()]})
    assert isinstance(loop, ForLoop)
    assert isinstance(both, BranchAll)
    assert isinstance(again, WhileLoop)
    assert (loop.parallel, both.parallel, again.skip_failures) == (False, True, False)


def test_a_choice_keeps_the_order_of_its_branches() -> None:
    branches = [{"expr": "1", "modules": [leaf("b")]}, {"modules": [], "summary": "none"}]
    choice = read_value({"type": "branchone", "branches": branches, "default": [leaf("c")]})
    assert isinstance(choice, BranchOne)
    assert [branch.expr for branch in choice.branches] == ["1", ""]
    assert [module.id for module in choice.default] == ["c"]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (3, 3),
        ({"type": "static", "value": 3}, Static(3)),
        ({"type": "javascript", "expr": "p"}, Javascript("p")),
    ],
)
def test_numbers_are_bare_or_transforms(given: Json, found: Json) -> None:
    module = read_module(leaf(timeout=given))
    loop = {"type": "forloopflow", "iterator": {"type": "static"}, "modules": [], "parallelism": given}
    value = read_value(loop)
    assert isinstance(value, ForLoop)
    assert (module.timeout, value.parallelism) == (found, found)


def test_every_rule_of_a_module_is_read() -> None:
    module = read_module(
        leaf(
            summary="A",
            retry={"constant": {"attempts": 2}, "exponential": {"attempts": 1, "seconds": 3}},
            stop_after_if={"expr": "result", "skip_if_stopped": True},
            stop_after_all_iters_if={"expr": "all", "skip_if_stopped": False, "error_message": "no"},
            skip_if={"expr": "false"},
            sleep={"type": "static", "value": 0.5},
            suspend={"required_events": 1, "timeout": 60, "hide_cancel": True},
            continue_on_error=True,
            mock={"enabled": False},
        )
    )
    assert module.summary == "A"
    assert module.retry == Retry(ConstantDelay(2, 0), ExponentialDelay(1, 1, 3))
    assert module.stop_after_if == StopAfterIf("result", skip_if_stopped=True)
    assert module.stop_after_all_iters_if == StopAfterIf("all", error_message="no")
    assert (module.skip_if, module.sleep) == ("false", Static(0.5))
    assert module.suspend == Suspend(1, 60, {"hide_cancel": True})
    assert (module.continue_on_error, module.mock) == (True, Mock(enabled=False))


def test_the_special_modules_and_settings_of_a_flow_are_read() -> None:
    flow = read_flow_value(
        {
            "modules": [leaf()],
            "failure_module": leaf("failure"),
            "preprocessor_module": leaf("preprocessor"),
            "same_worker": True,
            "flow_env": {"k": [1]},
            "skip_expr": "false",
            "early_return": "a",
        }
    )
    assert flow.failure_module is not None
    assert flow.preprocessor_module is not None
    assert (flow.failure_module.id, flow.preprocessor_module.id) == ("failure", "preprocessor")
    assert (flow.same_worker, flow.flow_env, flow.skip_expr, flow.early_return) == (
        True,
        {"k": [1]},
        "false",
        "a",
    )


def test_a_module_without_an_id_gets_one_that_stays_the_same() -> None:
    document = {"modules": [{"value": PYTHON}, {"value": PYTHON}]}
    first, second = read_flow_value(document).modules
    assert first.id != second.id
    assert (first, second) == read_flow_value(document).modules


def test_what_is_not_known_is_kept() -> None:
    document = {
        "modules": [
            {
                "id": "a",
                "value": {
                    "type": "branchone",
                    "branches": [{"expr": "1", "modules": [], "collapsed": True}],
                    "default": [],
                    "colour": "red",
                },
                "cache_ttl": 5,
                "note": {"x": 1},
            }
        ],
        "groups": [],
        "concurrent_limit": 3,
    }
    assert read_flow_value(document).to_json() == document


def test_null_counts_as_absent() -> None:
    assert read_module(leaf(retry=None, timeout=None, summary=None, skip_if=None)) == read_module(leaf())


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "expected an object but found a list"),
        ({}, "the member 'modules' is missing"),
        ({"modules": {}}, "expected a list but found an object, at modules"),
        ({"modules": [{"id": "a"}]}, "the member 'value' is missing, at modules[0]"),
        ({"modules": [leaf(id_=7)]}, "expected a text but found a whole number, at modules[0].id"),  # type: ignore[arg-type]
        (
            {"modules": [leaf(timeout=1.5)]},
            "expected a whole number but found a number, at modules[0].timeout",
        ),
        ({"modules": [leaf(timeout=True)]}, "found true or false, at modules[0].timeout"),
        ({"modules": [leaf(priority="high")]}, "found a text, at modules[0].priority"),
        (
            {"modules": [leaf(stop_after_if={"expr": "1"})]},
            "'skip_if_stopped' is missing, at modules[0].stop_after_if",
        ),
        ({"modules": [leaf(skip_if={})]}, "the member 'expr' is missing, at modules[0].skip_if"),
        (
            {"modules": [leaf(retry={"constant": {"attempts": -1}})]},
            "found -1, at modules[0].retry.constant.attempts",
        ),
        (
            {"modules": [leaf(retry={"exponential": {"attempts": 1}})]},
            "above 0, at modules[0].retry.exponential",
        ),
        ({"modules": [leaf(sleep={"type": "nap"})]}, "unknown input transform 'nap'"),
    ],
)
def test_a_fault_is_a_clause_with_its_place(document: Json, message: str) -> None:
    assert message in refusal(document)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"type": "nonsense"}, "unknown module type 'nonsense', expected one of script, flow, forloopflow"),
        (
            {"type": "rawscript", "language": "python3"},
            "the member 'content' is missing, at modules[0].value",
        ),
        ({**PYTHON, "language": "cobol"}, "unknown language 'cobol', at modules[0].value.language"),
        ({**PYTHON, "input_transforms": {"x": 1}}, "at modules[0].value.input_transforms.x"),
        ({"type": "script", "path": "/tmp/x.py"}, "'/tmp/x.py' is not a path of the workspace"),
        ({"type": "forloopflow", "modules": []}, "the member 'iterator' is missing, at modules[0].value"),
        ({"type": "branchone", "branches": []}, "the member 'default' is missing, at modules[0].value"),
        ({"type": "branchall", "branches": [{}]}, "'modules' is missing, at modules[0].value.branches[0]"),
        ({"type": "whileloopflow", "modules": [{}]}, "'value' is missing, at modules[0].value.modules[0]"),
    ],
)
def test_a_fault_of_a_value_says_where_it_stands(value: Json, message: str) -> None:
    assert message in refusal({"modules": [{"id": "a", "value": value}]})


def test_a_type_that_nobody_knows_is_named_with_its_path() -> None:
    message = refusal({"modules": [{"id": "a", "value": {"type": "nonsense"}}]})
    assert message.endswith(", at modules[0].value.type")


def test_modules_without_end_are_refused_and_not_a_crash() -> None:
    value: Json = PYTHON
    for _ in range(400):
        value = {"type": "branchall", "branches": [{"modules": [{"id": "a", "value": value}]}]}
    assert "nested too deeply" in refusal({"modules": [{"id": "a", "value": value}]})


@pytest.mark.parametrize("kind", ["forloopflow", "whileloopflow"])
def test_a_loop_in_one_process_is_refused(kind: str) -> None:
    iterator = {"type": "static", "value": []}
    loop = {"type": kind, "iterator": iterator, "modules": [], "squash": False}
    read_flow_value({"modules": [{"id": "a", "value": loop}]})
    with pytest.raises(InvalidDocument, match=r"'squash', at modules\[0\].value.squash"):
        read_flow_value({"modules": [{"id": "a", "value": {**loop, "squash": True}}]})
