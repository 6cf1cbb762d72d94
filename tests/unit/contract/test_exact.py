from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.support.deployments import fixed_deployment

from metaflow_windmill.contract.exact import EXACT, exact, plain, refers
from metaflow_windmill.contract.record import ParameterInfo, Record

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

TEXTS = some.sampled_from(["$var:u/a/b", "$res:f/x", "$encrypted:x", "$jsonvar:y", "$5", "a $var:b", ""])
VALUES = some.recursive(
    some.none() | some.integers() | TEXTS,
    lambda inner: some.lists(inner) | some.dictionaries(some.sampled_from(["a", "b", EXACT]), inner),
    max_leaves=5,
)


@given(VALUES)
def test_every_value_arrives_as_it_was(value: Json) -> None:
    sent = exact(value)
    assert plain(sent) == value
    assert not (refers(sent) and sent != {EXACT: json.dumps(value)})


@pytest.mark.parametrize("value", ["$5", "a $var:b", "${HOME}", "$(id)", "$", 5, None, ["x"], {"a": "$b"}])
def test_what_is_no_reference_is_left_alone(value: Json) -> None:
    assert exact(value) is value


def test_windmill_finds_nothing_to_fill_in() -> None:
    for value in ("$var:a", ["$res:a"], {"b": {"c": "$jsonvar:a"}}):
        (written,) = exact(value).values()
        assert not written.startswith("$")


def test_a_record_keeps_such_defaults() -> None:
    infos = (
        ParameterInfo("a", "a", "str", default="$var:u/a/b", help="$res:x", choices=("$var:u/a/b",)),
        ParameterInfo("b", "b", "json", default={"c": ["$res:u/a/b"]}),
    )
    record = replace(fixed_deployment("F").record, parameters=infos)
    written = record.to_json()
    assert not any(refers(value) for info in written["parameters"] for value in _unwritten(info))
    assert Record.from_json(json.loads(json.dumps(written))) == record


def _unwritten(info: dict[str, Json]) -> list[Json]:
    return [value for value in info.values() if not (isinstance(value, dict) and EXACT in value)]
