from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.contract.resume_argument import Origin, ResumeOrder
from metaflow_windmill.errors import InvalidDocument

if TYPE_CHECKING:
    from metaflow_windmill.types import Json


@pytest.mark.parametrize(
    "thing",
    [
        ResumeOrder("windmill-r"),
        ResumeOrder("12", ("a", "b"), ("alpha",)),
        Origin("windmill-r"),
        Origin("12", ("a",), ("_graph_info",)),
    ],
)
def test_what_is_written_is_read(thing: ResumeOrder | Origin) -> None:
    assert type(thing).from_json(json.loads(json.dumps(thing.to_json()))) == thing


@pytest.mark.parametrize(
    "data", [None, "12", {}, {"run": ""}, {"run": 12}, {"run": "r", "steps": "a"}, {"run": "r", "steps": [1]}]
)
def test_anything_else_is_refused(data: Json) -> None:
    with pytest.raises(InvalidDocument, match=r"not what `windmill resume` asks a run for, at \$resume"):
        ResumeOrder.from_json(data)


def test_a_run_on_windmill_is_known_by_its_id() -> None:
    assert Origin("windmill-r").on_windmill
    assert not Origin("1763").on_windmill
    assert not Origin("argo-windmill-1").on_windmill
