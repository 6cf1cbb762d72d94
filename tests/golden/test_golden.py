"""Each flow file in `flows` beside the document that it compiles to.

``METAFLOW_WINDMILL_REWRITE_GOLDEN=1`` writes the documents anew; then read the difference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.support.dags import dag_of
from tests.support.deployments import fixed_deployment
from tests.support.openflow_schema import check_openflow

from metaflow_windmill.compiler import compile_flow
from metaflow_windmill.openflow import read_flow_value

pytestmark = pytest.mark.metaflow

FLOWS = sorted((Path(__file__).parent / "flows").glob("*.py"))
MAX_WORKERS = {"lanes": 2, "packed_lanes": 2}
MAX_SPLITS = {"chunks": 50_000}
PACK = {"packed": 10, "packed_lanes": 2}
REWRITE = "METAFLOW_WINDMILL_REWRITE_GOLDEN"


def compiled(flow: Path) -> str:
    dag = dag_of(flow)
    name = flow.stem
    deployment = fixed_deployment(dag.name, MAX_WORKERS.get(name), PACK.get(name), MAX_SPLITS.get(name))
    document = compile_flow(dag, deployment).to_json()
    # The record is the same for every shape, and has tests of its own.
    document["value"]["flow_env"]["metaflow"] = {"flow": dag.name, "...": "the deployment record"}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def may_rewrite() -> bool:
    wanted = os.environ.get(REWRITE) == "1"
    assert not (wanted and os.environ.get("CI")), f"{REWRITE} is for a person who reads the difference"
    return wanted


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.stem)
def test_a_flow_compiles_to_the_document_beside_it(flow: Path) -> None:
    golden = flow.with_suffix(".json")
    text = compiled(flow)
    if may_rewrite():
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.stem)
def test_the_document_is_openflow(flow: Path) -> None:
    document = json.loads(flow.with_suffix(".json").read_text(encoding="utf-8"))
    check_openflow(document["value"])
    assert read_flow_value(document["value"]).to_json() == document["value"]


def test_there_is_no_document_without_a_flow() -> None:
    documents = {path.stem for path in (Path(__file__).parent / "flows").glob("*.json")}
    assert documents == {flow.stem for flow in FLOWS}


def test_documents_are_not_rewritten_where_nobody_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv(REWRITE, "1")
    with pytest.raises(AssertionError, match="for a person"):
        may_rewrite()
