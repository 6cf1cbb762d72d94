"""JSON in the order of PostgreSQL."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaflow_windmill.devserver.store.canonical import ORDERED_BELOW, dump

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def test_keys_are_ordered_by_length_then_bytes() -> None:
    assert dump({"list": 1, "obj": 2, "é": 3, "b": 4, "text": 5}) == '{"b":4,"é":3,"obj":2,"list":1,"text":5}'


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_cannot_hold_is_null(number: float) -> None:
    assert dump({"a": [number, (1.5, number)]}) == '{"a":[null,[1.5,null]]}'


@pytest.mark.parametrize(
    ("value", "text"), [(1e21, "1" + "0" * 21), ([1e23], f"[1{'0' * 23}]"), (1.5, "1.5"), (1e-7, "1e-07")]
)
def test_a_number_without_a_fraction_has_no_exponent(value: object, text: str) -> None:
    assert dump(value) == text


@given(VALUES)
def test_nothing_else_changes(value: object) -> None:
    assert json.loads(dump(value), parse_int=float) == json.loads(json.dumps(value), parse_int=float)
    assert dump(json.loads(dump(value))) == dump(value)


def test_a_large_document_keeps_its_order() -> None:
    large = {"long": "x" * ORDERED_BELOW, "a": 1}
    assert list(json.loads(dump(large))) == ["long", "a"]
