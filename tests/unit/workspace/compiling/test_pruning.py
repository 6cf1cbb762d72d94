"""Which flows are gone from a repository, and what is said of those that cannot be told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.support.answering import Answering
from tests.support.deployments import fixed_deployment

from metaflow_windmill.contract.record import GitInfo
from metaflow_windmill.errors import InvalidDocument
from metaflow_windmill.gitsource.remote import Checkout, Head
from metaflow_windmill.workspace.compiling.pruning import gone_flows

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://git.example.com/team/flows.git"
GONE = replace(fixed_deployment("Gone").record, git=GitInfo(URL, "abc", "gone.py", "main"))


def server(**records: Any) -> Answering:
    """A workspace with a flow for each record, and one that a person made."""
    flows = {f"f/flows/{name}": {"flow_env": {"metaflow": record}} for name, record in records.items()}
    values = {**flows, "f/flows/by_hand": {"modules": []}}
    listed = [{"path": path, "summary": ""} for path in values]
    told = {
        f"GET /flows/get/{path}": {"path": path, "summary": "", "value": value}
        for path, value in values.items()
    }
    return Answering({"GET /flows/list": [listed], **told})


def test_a_record_of_a_later_version_is_told_and_its_flow_left_alone(tmp_path: Path) -> None:
    later = {**GONE.to_json(), "format": 2}
    checkout = Checkout(tmp_path, Head("abc", "main"), ())
    there = server(Gone=GONE.to_json(), Later=later, Grown={**GONE.to_json(), "later": 1})
    found = {flow.path: record for flow, record in gone_flows(there.windmill, "f/flows", URL, checkout)}
    assert found.keys() == {"f/flows/Gone", "f/flows/Later", "f/flows/Grown"}
    assert found["f/flows/Gone"] == found["f/flows/Grown"] == GONE
    assert isinstance(found["f/flows/Later"], InvalidDocument)
