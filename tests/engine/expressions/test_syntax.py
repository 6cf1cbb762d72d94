"""What the text of an expression tells."""

from __future__ import annotations

import pytest

from metaflow_windmill.devserver.expressions.syntax import (
    awaited,
    is_statement,
    property_of,
    result_path,
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("results.a", ("a", [])),
        ("results?.a.b", ("a", ["b"])),
        ("results.a[1]", ("a", ["1"])),
        ("results.a[1].b.c", ("a", ["1", "b", "c"])),
        ("results.a.b.length", None),
        ("results.a.length.x", ("a", ["length", "x"])),
        ("results.a.b[1]", None),
        ('results["a"]', None),
        ("results.a + 1", None),
        ("(results.a)", None),
        ("results.a-b", None),
    ],
)
def test_a_plain_look_up_needs_no_javascript(expression: str, expected: tuple[str, list[str]] | None) -> None:
    assert result_path(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("flow_input.x", ("flow_input", "x")),
        ('flow_input["a b"]', ("flow_input", "a b")),
        ("flow_env.x.y", ("flow_env", "x.y")),
        ("flow_input['x']", None),
        ("flow_input", None),
        ("my_flow_input.x", None),
    ],
)
def test_a_property_of_the_input(expression: str, expected: tuple[str, str] | None) -> None:
    assert property_of(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("results.a + results.b_2", "(await results.a) + (await results.b_2)"),
        ("results?.a?.b", "(await results?.a)?.b"),
        ('results["a b"].c', '(await results["a b"]).c'),
        ("results['a']", "results['a']"),
        ("flow_input.results.x", "flow_input.(await results.x)"),
        ('variable("f/a/b").length', '(await variable("f/a/b")).length'),
        ("resource('f/a/' + (1 + 2)).k", "(await resource('f/a/' + (1 + 2))).k"),
        ("variable('a') + variable('b')", "(await variable('a')) + (await variable('b'))"),
        ("1 + 1", "1 + 1"),
    ],
)
def test_what_is_fetched_is_awaited_by_the_text_alone(expression: str, expected: str) -> None:
    assert awaited(expression) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "return 1",
        "const x = 1; return x",
        "if (a) { return 1 }",
        "  let x = 1",
        "f(); 2",
        "throw 1",
        "return",
    ],
)
def test_statements_return_themselves(expression: str) -> None:
    assert is_statement(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "1",
        "'a;b'",
        '";"',
        "`;`",
        "'it\\'s;'",
        "returned",
        "iffy",
        "constant.x",
        "({a: 1})",
        "",
        "x ? ';' : 1",
    ],
)
def test_values_do_not(expression: str) -> None:
    assert not is_statement(expression)
