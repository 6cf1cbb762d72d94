"""A flow that is deployed as it stands is told from one that is not, however Windmill writes it anew."""

from __future__ import annotations

import copy
from typing import Any

from metaflow_windmill.client.models import Flow
from metaflow_windmill.openflow.rewritten import rewritten
from metaflow_windmill.workspace.compiling.document_changes import is_deployed


def step(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "value": {"type": "rawscript", "language": "python3", "content": "1", **more}}


def document() -> dict[str, Any]:
    """A split after a step with a limit of time; one of its steps brings its own lock."""
    arms = [{"modules": [step("left", lock="# py: 3.11\na==1")]}, {"modules": [step("right")]}]
    split = {"id": "split", "value": {"type": "branchall", "parallel": True, "branches": arms}}
    value = {"same_worker": False, "modules": [{**step("start"), "timeout": 600}, split]}
    return {"path": "f/x/Y", "summary": "", "description": "", "value": value, "schema": {}, "labels": []}


def deployed(sent: dict[str, Any]) -> Flow:
    """The flow as Windmill 1.788 gives it once it has made the locks that were not given."""
    value = copy.deepcopy(rewritten(sent["value"]))
    start, split = value["modules"]
    for module in (start, split["value"]["branches"][1]["modules"][0]):
        module["value"]["lock"] = "# py: 3.11\nwmill==1.788.0"
    return Flow.from_json({**sent, "value": value, "archived": False, "edited_by": "x"})


def test_windmills_own_writing_is_no_change() -> None:
    there = deployed(document())
    assert there.value != document()["value"]
    assert is_deployed(there, document())


def test_what_differs_in_a_step_is_one() -> None:
    changed = document()
    changed["value"]["modules"][0]["timeout"] = 700
    assert not is_deployed(deployed(document()), changed)
    changed = document()
    changed["value"]["modules"][1]["value"]["branches"][0]["modules"][0]["value"]["lock"] = "# py: 3.11\na==2"
    assert not is_deployed(deployed(document()), changed)
    changed = document()
    changed["value"]["modules"][1]["value"]["branches"][1]["modules"][0]["value"]["content"] = "2"
    assert not is_deployed(deployed(document()), changed)
