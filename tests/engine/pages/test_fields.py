"""From a schema to the fields of a form, and from what is typed to arguments."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaflow_windmill.devserver.pages.fields import WHOLE, fields_of, read, typed_of


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": ["needed"]}


def argument(said: dict[str, Any], text: str) -> Any:
    filled = read(fields_of(schema(x=said)), {"x": text})
    assert not filled.wrong
    return filled.arguments["x"]


@pytest.mark.parametrize(
    ("said", "text", "expected"),
    [
        ({"type": "string"}, " as it is ", " as it is "),
        ({"type": "string", "format": "password"}, "pw", "pw"),
        ({"type": "string", "contentEncoding": "base64"}, "hé", "aMOp"),
        ({"type": "integer"}, "-7", -7),
        ({"type": "number"}, "0.5", 0.5),
        ({"type": "number"}, "12345678901234567", 12345678901234567),
        ({"type": "number"}, "1e3", 1000.0),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "false", False),
        ({"type": "array", "items": {"type": "string"}}, "a\n b \n\n", ["a", "b"]),
        ({"type": "array", "items": {"type": "string"}}, '["a,b"]', ["a,b"]),
        ({"type": "array", "items": {"type": "integer"}}, "[1]", [1]),
        ({"type": "object"}, '{"a": [1.5, null]}', {"a": [1.5, None]}),
        ({"type": ["integer", "null"]}, "3", 3),
        ({"type": "string", "enum": ["fast", "slow"]}, "slow", "slow"),
        ({"type": "integer", "enum": [1, 2]}, "2", 2),
        ({"type": "object", "format": "resource-git_repository"}, "$res:f/x/y", "$res:f/x/y"),
        ({"type": "object", "format": "dynmultiselect-found"}, "flows/**/*.py", ["flows/**/*.py"]),
        ({}, '"text"', "text"),
    ],
)
def test_what_is_typed_becomes_a_value_of_the_type(said: dict[str, Any], text: str, expected: Any) -> None:
    found = argument(said, text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("said", "text", "why"),
    [
        ({"type": "integer"}, "seven", "whole number"),
        ({"type": "integer"}, "9" * 30, "too large"),
        ({"type": "number"}, "inf", "Write a number"),
        ({"type": "object"}, "{", "not JSON"),
        ({"type": "object"}, "NaN", "not JSON"),
        ({"type": "string", "enum": ["a", "b"]}, "c", "one of a, b"),
    ],
)
def test_what_cannot_be_one_is_told_at_its_field(said: dict[str, Any], text: str, why: str) -> None:
    filled = read(fields_of(schema(x=said, y={"type": "integer"})), {"x": text, "y": "1"})
    assert list(filled.wrong) == ["x"]
    assert why in filled.wrong["x"]
    assert filled.typed == {"x": text, "y": "1"}


def test_what_is_left_empty_is_left_out_unless_it_is_needed_or_empty_is_a_value() -> None:
    fields = fields_of(
        schema(
            needed={"type": "string"},
            x={"type": "integer"},
            s={"type": "string"},
            e={"default": "", "type": "string"},
        )
    )
    filled = read(fields, {"needed": "", "x": "", "s": "", "e": ""})
    assert filled.arguments == {"e": ""}
    assert list(filled.wrong) == ["needed"]


def test_fields_come_in_the_order_that_the_schema_says_with_its_defaults() -> None:
    said = {
        **schema(b={"type": "integer", "default": 3}, a={"type": "object", "default": {"k": 1}}),
        "order": ["a"],
    }
    fields = fields_of(said)
    assert [each.name for each in fields] == ["a", "b"]
    assert typed_of(fields, {}) == {"a": '{"k": 1}', "b": "3"}
    assert typed_of(fields, {"b": 4}) == {"a": '{"k": 1}', "b": "4"}


@pytest.mark.parametrize("said", [None, {}, [], {"properties": None}, {"properties": {}, "order": 3}])
def test_without_a_schema_all_arguments_are_typed_as_one(said: Any) -> None:
    assert fields_of(said) == ()
    assert read((), {WHOLE: '{"a": 1}'}).arguments == {"a": 1}
    assert read((), {}).arguments == {}
    for wrong in ("[1]", "{", "null"):
        assert WHOLE in read((), {WHOLE: wrong}).wrong


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    st.lists,
    max_leaves=5,
)
ANY = st.dictionaries(
    st.sampled_from(["type", "enum", "default", "format", "items", "title", "minRows"]), JSON
)


@given(st.dictionaries(st.text(), ANY | JSON))
def test_no_schema_breaks_a_form(properties: dict[str, Any]) -> None:
    fields = fields_of({"properties": properties})
    read(fields, typed_of(fields, {}))


@given(JSON)
def test_the_arguments_of_a_run_can_be_given_again(value: Any) -> None:
    fields = fields_of({"properties": {"x": {"type": "object"}}})
    assert read(fields, typed_of(fields, {"x": [value]})).arguments == {"x": [value]}
