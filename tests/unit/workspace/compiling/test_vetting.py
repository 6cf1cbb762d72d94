from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.deployments import SCRIPT, fixed_deployment
from tests.support.small_dags import small_dag

from metaflow_windmill.compiler import compile_flow
from metaflow_windmill.contract.approval import Approval
from metaflow_windmill.errors import InvalidDocument
from metaflow_windmill.graph.dag import Needs
from metaflow_windmill.openflow import read_flow_value
from metaflow_windmill.package.script import with_requirements
from metaflow_windmill.workspace.compiling.vetting import vet

GOLDEN = sorted(Path("tests/golden/flows").glob("*.json"))


def whole(name: str) -> Any:
    """Return a golden document with what its file leaves out: the record and the code of the steps."""
    document = json.loads(Path(f"tests/golden/flows/{name}.json").read_text())
    document["value"]["flow_env"]["metaflow"] = fixed_deployment(document["summary"]).record.to_json()
    for module in _modules(document["value"]):
        if module["value"]["type"] == "rawscript":
            module["value"]["content"] = SCRIPT
    return document


def _modules(value: Any) -> Any:
    if isinstance(value, dict):
        if "id" in value and "value" in value:
            yield value
        for item in value.values():
            yield from _modules(item)
    elif isinstance(value, list):
        for item in value:
            yield from _modules(item)


LINEAR, SWITCH, LANES = whole("linear"), whole("switch"), whole("lanes")


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_whatever_the_compiler_writes_passes(file: Path) -> None:
    document = whole(file.stem)
    vetted = vet(document, SCRIPT)
    assert vetted.document["value"] == read_flow_value(document["value"]).to_json()
    assert vetted.record.to_json() == document["value"]["flow_env"]["metaflow"]


def test_a_step_may_require_packages() -> None:
    document = deepcopy(LINEAR)
    code = document["value"]["modules"][0]["value"]
    code["content"] = with_requirements(SCRIPT, ("pandas==2",), "3.11")
    assert vet(document, SCRIPT).document["value"]["modules"][0]["value"]["content"] == code["content"]
    code["content"] = code["content"].replace("#pandas", "import os#pandas")
    with pytest.raises(InvalidDocument, match="code of the step"):
        vet(document, SCRIPT)


def changed(document: Any, change: Any) -> Any:
    new = deepcopy(document)
    change(new)
    return new


def put(path: str, value: Any) -> Any:
    """Return a change that sets what a dotted path leads to."""

    def change(document: Any) -> None:
        *way, last = path.split(".")
        for name in way:
            document = document[int(name)] if isinstance(document, list) else document[name]
        document[last] = value

    return change


STEP = "value.modules.0.value"
OTHER_SCRIPT = {"type": "script", "path": "u/admin/delete_everything", "input_transforms": {}}


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        (f"{STEP}.content", "import os\ndef main(): os.system('id')", "code of the step"),
        (f"{STEP}.content", SCRIPT + " ", "code of the step"),
        (f"{STEP}.language", "bash", "compiled flow"),
        (f"{STEP}.path", "u/admin/x", "compiled flow"),
        (f"{STEP}.concurrent_limit", 1, "kind of module"),
        ("value.modules.0.value", OTHER_SCRIPT, "kind of module"),
        (
            "value.modules.0.value",
            {"type": "flow", "path": "f/x/y", "input_transforms": {}},
            "kind of module",
        ),
        ("value.modules.0.value", {"type": "aiagent", "tools": []}, "kind of module"),
        ("value.modules.0.suspend", {"required_events": 1}, "waits in another way"),
        ("value.modules.0.mock", {"enabled": True, "return_value": 1}, "settings"),
        ("value.modules.0.cache_ttl", 60, "settings"),
        ("value.modules.0.skip_if", {"expr": "variable('u/admin/secret')"}, "expression"),
        ("value.modules.0.sleep", {"type": "javascript", "expr": "fetch('x')"}, "expression"),
        ("value.failure_module", {"id": "failure", "value": OTHER_SCRIPT}, "kind of module"),
        ("value.preprocessor_module", {"id": "preprocessor", "value": OTHER_SCRIPT}, "settings"),
        ("value.same_worker", True, "settings"),
        ("value.concurrency_key", "x", "settings"),
        ("value.modules", [], "no modules"),
        ("value.flow_env.other", "x", "only 'metaflow'"),
        ("value.flow_env.metaflow.owner", "$var:u/admin/secret", "refers to a secret"),
        ("value.flow_env.metaflow.variables", {"METAFLOW_X": "$res:u/admin/db"}, "refers to a secret"),
        (
            f"{STEP}.input_transforms.x",
            {"type": "static", "value": "$var:u/admin/secret"},
            "refers to a secret",
        ),
        (
            f"{STEP}.input_transforms.x",
            {"type": "static", "value": [{"a": "$res:f/x/y"}]},
            "refers to a secret",
        ),
        (f"{STEP}.input_transforms.x", {"type": "static", "value": "$encrypted:abc"}, "refers to a secret"),
        (f"{STEP}.input_transforms.x", {"type": "ai"}, "expression"),
        ("schema.properties", {"a": {"default": "$var:u/admin/secret"}}, "refers to a secret"),
        ("value.flow_env.metaflow.format", 99, "deployment record"),
        ("tag", "gpu", "'tag'"),
        ("on_behalf_of_email", "admin@windmill.dev", "'on_behalf_of_email'"),
        ("summary", None, "missing"),
        ("schema", [], "missing"),
        ("value", None, "body of a flow"),
        ("value.modules.0.value.type", "nonsense", ""),
    ],
)
def test_what_the_compiler_would_not_write_is_refused(path: str, value: Any, word: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        vet(changed(LINEAR, put(path, value)), SCRIPT)
    assert word in str(refused.value)


def test_a_step_may_ask_a_person_and_nothing_more() -> None:
    dag = small_dag(start="a", a="end", end="")
    approval = Approval("Go?", {"why": {"type": "string"}}, groups=("leads",), self_approval=False)
    asks = replace(dag.steps[1], needs=Needs(approval=approval))
    steps = (dag.steps[0], asks, dag.steps[2])
    document = compile_flow(replace(dag, steps=steps), fixed_deployment(dag.name)).to_json()
    assert vet(document, SCRIPT).document["value"]["modules"][1]["id"] == "a_approval"
    for path, value in (
        ("suspend.user_groups_required", {"type": "javascript", "expr": "variable('u/admin/x')"}),
        ("suspend.skin", "x"),
        ("value.content", SCRIPT),
        ("value.input_transforms.report", {"type": "static", "value": "$var:u/admin/x"}),
    ):
        with pytest.raises(InvalidDocument):
            vet(changed(document, put(f"value.modules.1.{path}", value)), SCRIPT)


EVIL = [
    "variable('u/admin/secret')",
    "resource('u/admin/db').password",
    "results.a.constructor.constructor('return 1')()",
    'results.a["constructor"]("x")',
    "(() => 1)()",
    "results.a = 1",
    "results.a; fetch('x')",
    "`${results.a}`",
    "await fetch('x')",
    "new Date()",
    "eval('1')",
    "results.a.map(variable)",
    "results.a.slice(variable('x'))",
    "globalThis.x",
    "flow_input.a++",
    "results.a\n.b",
    "results?.['a'](1)",
    "/x/.test(results.a)",
    "({a: 1})",
    "results.a.slice.call(results)",
]


@pytest.mark.parametrize("expression", EVIL)
def test_an_expression_only_looks_up_and_compares(expression: str) -> None:
    for document, path in (
        (LINEAR, f"{STEP}.input_transforms.x"),
        (LINEAR, "value.modules.0.timeout"),
    ):
        bad = changed(document, put(path, {"type": "javascript", "expr": expression}))
        with pytest.raises(InvalidDocument, match="does more than a compiled flow's do"):
            vet(bad, SCRIPT)


@pytest.mark.parametrize(
    "expression",
    [
        "results.start.run_id",
        "flow_input.iter.value",
        "flow_input.iter_parent",
        'results.a.branch === "the (b) case; = x"',
        "results.a.slice(-1)[0].branch === 'b'",
        '["a", "b"].includes(results.x[0].step)',
        "!(results.a === 1 || results.b !== 2)",
        "results.a ?? null",
        "error?.name !== 'x'",
        "resumes",
        '(results.start.approved ?? []).includes("a/t" + "-" + flow_input.iter.value)',
    ],
)
def test_harmless_expressions_pass(expression: str) -> None:
    vet(
        changed(LINEAR, put(f"{STEP}.input_transforms.x", {"type": "javascript", "expr": expression})), SCRIPT
    )


@pytest.mark.parametrize("document", [SWITCH, LANES], ids=["switch", "lanes"])
def test_every_module_is_looked_at_however_deep(document: Any) -> None:
    for index, _ in enumerate(list(_modules(document["value"]["modules"]))):
        bad = deepcopy(document)
        list(_modules(bad["value"]["modules"]))[index]["value"] = OTHER_SCRIPT
        with pytest.raises(InvalidDocument, match=r"kind of module.*value"):
            vet(bad, SCRIPT)


def test_the_choices_of_a_switch_are_expressions_too() -> None:
    bad = deepcopy(SWITCH)
    (choice, *_) = (m for m in _modules(bad["value"]["modules"]) if m["value"]["type"] == "branchone")
    choice["value"]["branches"][0]["expr"] = "variable('u/admin/secret') === 1"
    with pytest.raises(InvalidDocument, match="does more"):
        vet(bad, SCRIPT)


def test_the_list_of_a_loop_is_an_expression_too() -> None:
    bad = deepcopy(LANES)
    (loop, *_) = (m for m in _modules(bad["value"]["modules"]) if m["value"]["type"] == "forloopflow")
    loop["value"]["iterator"]["expr"] = "resource('u/admin/db')"
    with pytest.raises(InvalidDocument, match="does more"):
        vet(bad, SCRIPT)


def test_a_document_that_is_nested_beyond_reason() -> None:
    value: Any = 1
    for _ in range(5000):
        value = [value]
    with pytest.raises(InvalidDocument, match="nested too deeply"):
        vet(changed(LINEAR, put(f"{STEP}.input_transforms.x", {"type": "static", "value": value})), SCRIPT)


@pytest.mark.parametrize("document", [None, [], "x", {}, {"value": []}])
def test_what_is_no_flow_at_all(document: Any) -> None:
    with pytest.raises(InvalidDocument):
        vet(document, SCRIPT)
