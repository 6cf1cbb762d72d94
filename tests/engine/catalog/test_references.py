"""Filling in references to variables and resources."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaflow_windmill.devserver.catalog.references import fill_in
from metaflow_windmill.errors import RequestRefused


@dataclass
class Shelf:
    variables: dict[str, str] = field(default_factory=dict)
    resources: dict[str, Any] = field(default_factory=dict)

    def variable(self, path: str) -> str | None:
        return self.variables.get(path)

    def resource(self, path: str) -> Any:
        return self.resources.get(path)


SHELF = Shelf(
    {"f/a/secret": "s3cret", "f/a/list": "[1, 2]"},
    {
        "f/a/repo": {"url": "$var:f/a/secret", "inner": ["$res:f/a/plain"]},
        "f/a/plain": 7,
        "f/a/me": "$res:f/a/me",
    },
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text().filter(lambda text: not text.startswith("$")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_references_are_filled_in_at_any_depth() -> None:
    value = {"a": ["$res:f/a/repo"], "b": "$jsonvar:f/a/list", "c": "no $var:f/a/secret"}
    repo = {"url": "s3cret", "inner": [7]}
    assert fill_in(value, SHELF) == {"a": [repo], "b": [1, 2], "c": "no $var:f/a/secret"}


@given(JSON)
def test_a_value_without_references_stays_as_it_is(value: Any) -> None:
    assert fill_in(value, SHELF) == value


@pytest.mark.parametrize("text", ["$", "$5", "$var", "$unknown:f/a/secret"])
def test_other_texts_with_a_dollar_stay(text: str) -> None:
    assert fill_in(text, SHELF) == text


@pytest.mark.parametrize("text", ["$var:f/a/none", "$res:f/a/none", "$jsonvar:f/a/none"])
def test_a_reference_to_nothing_is_refused(text: str) -> None:
    with pytest.raises(RequestRefused, match="f/a/none not found") as refused:
        fill_in([text], SHELF)
    assert refused.value.status == 404


def test_a_circle_is_refused() -> None:
    with pytest.raises(RequestRefused, match="refers to itself"):
        fill_in("$res:f/a/me", SHELF)
