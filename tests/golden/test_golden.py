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

PLACE = Path(__file__).parent / "flows"
OTHERWISE = {"chunks": "lanes"}
"""Documents of a flow that is compiled in more ways than one, by its file."""
NAMES = sorted([*(file.stem for file in PLACE.glob("*.py")), *OTHERWISE])
MAX_WORKERS = {"lanes": 2, "packed_lanes": 2}
MAX_SPLITS = {"chunks": 50_000}
PACK = {"packed": 10, "packed_lanes": 2}
REWRITE = "METAFLOW_WINDMILL_REWRITE_GOLDEN"


def compiled(name: str) -> str:
    dag = dag_of(PLACE / f"{OTHERWISE.get(name, name)}.py")
    deployment = fixed_deployment(dag.name, MAX_WORKERS.get(name), PACK.get(name), MAX_SPLITS.get(name))
    document = compile_flow(dag, deployment).to_json()
    # The record is the same for every shape, and has tests of its own.
    document["value"]["flow_env"]["metaflow"] = {"flow": dag.name, "...": "the deployment record"}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def may_rewrite() -> bool:
    wanted = os.environ.get(REWRITE) == "1"
    assert not (wanted and os.environ.get("CI")), f"{REWRITE} is for a person who reads the difference"
    return wanted


@pytest.mark.parametrize("name", NAMES)
def test_a_flow_compiles_to_the_document_beside_it(name: str) -> None:
    golden = PLACE / f"{name}.json"
    text = compiled(name)
    if may_rewrite():
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_the_document_is_openflow(name: str) -> None:
    document = json.loads((PLACE / f"{name}.json").read_text(encoding="utf-8"))
    check_openflow(document["value"])
    assert read_flow_value(document["value"]).to_json() == document["value"]


def test_there_is_no_document_without_a_flow() -> None:
    documents = {path.stem for path in (Path(__file__).parent / "flows").glob("*.json")}
    assert documents == {*NAMES}


def test_documents_are_not_rewritten_where_nobody_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv(REWRITE, "1")
    with pytest.raises(AssertionError, match="for a person"):
        may_rewrite()
