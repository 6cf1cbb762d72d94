"""Values for a run: what fits is taken as it is, what does not is one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from metaflow_windmill.contract.record import ParameterInfo
from metaflow_windmill.errors import InvalidParameter
from metaflow_windmill.runs.arguments import arguments_of, split_text
from metaflow_windmill.runtime.position.given import ReceivedInputs

PARAMETERS = (
    ParameterInfo("alpha", "alpha", "float", required=True),
    ParameterInfo("How-Many", "count", "int", default=3),
    ParameterInfo("fast", "fast", "bool"),
    ParameterInfo("words", "words", "str"),
    ParameterInfo("options", "options", "json"),
    ParameterInfo("table", "table", "file"),
    ParameterInfo("fixed", "fixed", "constant", default={"a": 1}),
    ParameterInfo("color", "color", "str", choices=("red", "green")),
)


def test_values_keep_their_types_and_get_the_right_names() -> None:
    given = {"alpha": 1, "how_many": 5, "fast": None, "options": [1, {"a": None}]}
    found = arguments_of(PARAMETERS, given)
    assert found == {"alpha": 1.0, "How-Many": 5, "options": [1, {"a": None}]}
    assert type(found["alpha"]) is float


def test_infinite_numbers_are_carried_as_texts() -> None:
    assert arguments_of(PARAMETERS, {"alpha": float("-inf")}) == {"alpha": "-inf"}
    assert arguments_of(PARAMETERS, {}, {"alpha": "nan"}) == {"alpha": "nan"}


def test_numbers_that_javascript_has_not_are_carried_as_texts() -> None:
    assert arguments_of(PARAMETERS, {"alpha": 1, "how-many": 2**53})["How-Many"] == 2**53
    assert arguments_of(PARAMETERS, {"alpha": 1, "how-many": -(2**60)})["How-Many"] == "-1152921504606846976"
    assert arguments_of(PARAMETERS, {"alpha": 1}, {"how-many": str(2**60)})["How-Many"] == str(2**60)


def test_texts_win_over_values() -> None:
    texts = {"alpha": "0.5", "HOW-MANY": "7", "fast": "yes", "words": "x=y z", "options": "[]"}
    assert arguments_of(PARAMETERS, {"alpha": 1, "words": "w"}, texts) == {
        "alpha": 0.5,
        "How-Many": 7,
        "fast": True,
        "words": "x=y z",
        "options": [],
    }


@pytest.mark.parametrize("value", ['it\'s "$HOME" `ls`\n\tüñ 中 \\', "x" * 100_000, "None", "null", " "])
def test_texts_arrive_exactly(value: str) -> None:
    assert arguments_of(PARAMETERS, {"alpha": 1}, {"words": value})["words"] == value
    assert arguments_of(PARAMETERS, {"alpha": 1, "words": value})["words"] == value


def test_what_looks_like_a_reference_of_windmill_is_written_so_that_it_is_none() -> None:
    found = arguments_of(PARAMETERS, {"alpha": 1, "options": ["$res:f/a/b"]}, {"words": "$var:f/a/b"})
    assert found["words"] == {"$exact": '"$var:f/a/b"'}
    assert found["options"] == {"$exact": '["$res:f/a/b"]'}
    assert ReceivedInputs(parameters=found).values == {
        "alpha": 1,
        "options": ["$res:f/a/b"],
        "words": "$var:f/a/b",
    }


@pytest.mark.parametrize(
    ("values", "texts", "sentence"),
    [
        ({}, {}, "the parameter 'alpha' is required and takes a number; give it with --alpha"),
        ({"alpha": "x"}, {}, "the parameter 'alpha' takes a number, not 'x'"),
        ({"alpha": True}, {}, "the parameter 'alpha' takes a number, not True"),
        ({"alpha": 1}, {"how-many": "1.5"}, "the parameter 'How-Many' takes a whole number, not '1.5'"),
        ({"alpha": 1, "how-many": 1.5}, {}, "the parameter 'How-Many' takes a whole number, not 1.5"),
        ({"alpha": 1, "how-many": True}, {}, "the parameter 'How-Many' takes a whole number, not True"),
        ({"alpha": 1, "fast": 1}, {}, "the parameter 'fast' takes true or false, not 1"),
        ({"alpha": 1, "color": "blue"}, {}, "the parameter 'color' takes one of red, green, not 'blue'"),
        ({"alpha": 1}, {"color": "blue"}, "the parameter 'color' takes one of red, green, not 'blue'"),
        (
            {"alpha": 1, "options": [{"a": 2**60}]},
            {},
            "the parameter 'options' holds the number 1152921504606846976, which",
        ),
        ({"alpha": 1}, {"options": "[NaN]"}, "the parameter 'options' holds the number nan, which"),
        ({"alpha": 1, "fixed": {}}, {}, "the parameter 'fixed' takes its default only"),
        ({"alpha": 1}, {"fast": "perhaps"}, "the parameter 'fast' takes true or false, not 'perhaps'"),
        ({"alpha": 1, "words": 5}, {}, "the parameter 'words' takes a text, not 5"),
        ({"alpha": 1}, {"options": "{a}"}, "the parameter 'options' takes a JSON value, not '{a}'"),
        (
            {"alpha": 1, "table": {}},
            {},
            "the parameter 'table' takes a file that Metaflow has uploaded",
        ),
        ({"alpha": 1, "alfa": 2}, {}, "the deployed flow has no parameter 'alfa'; did you mean 'alpha'?"),
        ({"alpha": 1}, {"zzz": ""}, "the deployed flow has no parameter 'zzz'; it has alpha, How-Many, fast"),
    ],
)
def test_refusals(values: dict[str, Any], texts: dict[str, str], sentence: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        arguments_of(PARAMETERS, values, texts)
    assert str(caught.value).startswith(sentence)


def test_a_flow_without_parameters() -> None:
    assert arguments_of((), {}) == {}
    with pytest.raises(InvalidParameter, match="it has no parameters at all"):
        arguments_of((), {"alpha": 1})


def test_long_values_are_cut_in_messages() -> None:
    with pytest.raises(InvalidParameter) as caught:
        arguments_of(PARAMETERS, {}, {"alpha": "x" * 9999})
    assert len(str(caught.value)) < 150


def test_pairs() -> None:
    assert split_text("a=b=c") == ("a", "b=c")
    assert split_text(" a = b") == ("a", " b")
    assert split_text("a=") == ("a", "")
    for wrong in ("a", "=b", ""):
        with pytest.raises(InvalidParameter, match="--run-param takes name=value"):
            split_text(wrong)
