"""Metaflow's parameters as plain data, the form that comes of them, and texts as values."""

from __future__ import annotations

import functools
import json
from dataclasses import asdict
from typing import Any

import jsonschema
import pytest
from metaflow import FlowSpec, IncludeFile, JSONType, Parameter, step
from metaflow._vendor import click
from metaflow.exception import MetaflowException
from metaflow.parameters import ParameterContext, flow_context, set_parameter_context

from metaflow_windmill.contract.record import ParameterInfo
from metaflow_windmill.deployment.described.parameters import (
    read_parameters,
    schema_of,
    takes,
    value_from_text,
)
from metaflow_windmill.errors import DeployError


class Datastore:
    TYPE = "local"


class Plain(FlowSpec):  # type: ignore[misc]  # Metaflow has no types
    text = Parameter("text", help="Some words", required=True)
    words = Parameter("words", default="a,b", separator=",")
    count = Parameter("how-many", default=3)
    rate = Parameter("rate", type=float)
    fast = Parameter("fast", default=False)
    options = Parameter("options", type=JSONType, default='{"a": [1, null]}')
    listed = Parameter("listed", type=JSONType, default=[1, 2])
    retry_count = Parameter("retry_count", default=1)

    @step  # type: ignore[untyped-decorator]
    def start(self) -> None:
        self.next(self.end)

    @step  # type: ignore[untyped-decorator]
    def end(self) -> None:
        pass


def made(context: ParameterContext) -> str:
    return f"by {context.user_name} for {context.flow_name}"


class Made(FlowSpec):  # type: ignore[misc]
    who = Parameter("who", default=made, type=str)
    number = Parameter("number", default=lambda _: 7, type=int)
    shape = Parameter("shape", default=lambda _: {"b": 1}, type=JSONType)
    table = IncludeFile("table", is_text=False, help="Rows")

    @step  # type: ignore[untyped-decorator]
    def start(self) -> None:
        self.next(self.end)

    @step  # type: ignore[untyped-decorator]
    def end(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "alice")
    set_parameter_context("Made", print, Datastore, {})


@functools.cache  # Metaflow initializes the parameters of a class once
def flow_of(flow: type[FlowSpec]) -> Any:
    with flow_context(flow):
        for _, parameter in flow._get_parameters():
            parameter.init()
        return flow(use_cli=False)


def by_name(flow: Any) -> dict[str, ParameterInfo]:
    return {info.name: info for info in read_parameters(flow_of(flow))}


def test_types_and_defaults() -> None:
    found = by_name(Plain)
    assert list(found) == sorted(found, key=list(found).index)
    assert found["text"] == ParameterInfo("text", "text", "str", required=True, help="Some words")
    assert (found["words"].default, found["words"].separator) == ("a,b", ",")
    assert (found["how-many"].python_name, found["how-many"].type, found["how-many"].default) == (
        "count",
        "int",
        3,
    )
    assert (found["rate"].type, found["rate"].default) == ("float", None)
    assert found["fast"].default is False
    assert found["options"].default == {"a": [1, None]}
    assert (found["listed"].type, found["listed"].default) == ("json", [1, 2])
    assert found["retry_count"].default == 1


def test_deploy_time_defaults_are_made_at_deploy_time() -> None:
    found = by_name(Made)
    assert found["who"].default == "by alice for Made"
    assert found["number"].default == 7
    assert found["shape"].default == {"b": 1}
    assert found["shape"].made
    assert not found["table"].made
    assert (found["table"].type, found["table"].is_text, found["table"].default) == ("file", False, None)


def test_the_form() -> None:
    schema = schema_of(read_parameters(flow_of(Plain)))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["required"] == ["text"]
    assert schema["order"] == list(schema["properties"])
    assert schema["properties"]["text"] == {"type": "string", "title": "text", "description": "Some words"}
    assert schema["properties"]["how-many"]["type"] == "integer"
    assert schema["properties"]["words"]["description"] == "Several, separated by ','."
    assert schema["properties"]["fast"] == {
        "type": "boolean",
        "title": "fast",
        "description": "",
        "default": False,
    }
    assert schema["properties"]["options"]["default"] == {"a": [1, None]}


def test_the_form_of_a_file_says_where_it_comes_from() -> None:
    schema = schema_of(read_parameters(flow_of(Made)))
    assert schema["properties"]["table"]["type"] == "string"
    assert schema["properties"]["table"]["description"].startswith("Rows\n\nA file: `trigger`")


def with_parameters(**attributes: Parameter) -> Any:
    return type("Odd", (Plain,), {"__module__": __name__, **attributes})


def test_types_that_metaflow_takes_from_elsewhere() -> None:
    odd = with_parameters(
        fixed=Parameter("fixed", default={"a": 1}),
        color=Parameter("color", type=click.Choice(["red", "green"]), default="red"),
        level=Parameter("level", type=click.IntRange(0, 9), default=3),
        upper=Parameter("upper", type=str.upper, default="x"),
        most=Parameter("most", default=float("inf")),
    )
    found = by_name(odd)
    assert (found["fixed"].type, found["fixed"].default) == ("constant", "{'a': 1}")
    assert (found["color"].type, found["color"].choices) == ("str", ("red", "green"))
    assert (found["level"].type, found["upper"].type) == ("int", "str")
    assert (found["most"].type, found["most"].default) == ("float", "inf")
    form = schema_of(found.values())
    assert "fixed" not in form["properties"]
    assert form["properties"]["color"]["enum"] == ["red", "green"]
    assert "default" not in form["properties"]["most"]
    json.dumps([asdict(info) for info in found.values()], allow_nan=False)


@pytest.mark.parametrize("name", ["$resume", "$trigger", "two words", "a.b", "1st"])
def test_names_that_are_no_option(name: str) -> None:
    odd = with_parameters(text2=Parameter(name))
    with pytest.raises(DeployError, match=r"cannot be given on a command line.*begin with a letter"):
        read_parameters(odd)


@pytest.mark.parametrize("name", ["ünï", "a-B_1", "help", "datastore"])
def test_names_that_are_odd_and_allowed(name: str) -> None:
    assert name in {info.name for info in read_parameters(with_parameters(text2=Parameter(name)))}


@pytest.mark.parametrize("name", ["tags", "max-workers", "max_num_splits", "run-id", "with", "namespace"])
def test_names_that_metaflow_reserves_never_come_here(name: str) -> None:
    with pytest.raises(MetaflowException, match=f"Parameter name '{name}' is a reserved word"):
        Parameter(name, default="x").init()


def test_a_default_that_looks_like_a_reference_is_not_sent_by_the_form() -> None:
    odd = with_parameters(
        text2=Parameter("near", default="$var:u/a/b"), text3=Parameter("price", default="$5")
    )
    form = schema_of(by_name(odd).values())["properties"]
    assert "default" not in form["near"]
    assert form["price"]["default"] == "$5"


def test_names_that_differ_by_case_only() -> None:
    odd = with_parameters(text2=Parameter("Text"))
    with pytest.raises(DeployError, match=r"'text' and 'Text' differ only by case|'Text' and 'text'"):
        read_parameters(flow_of(odd))


def test_a_parameter_that_metaflow_does_not_see() -> None:
    odd = with_parameters(name=Parameter("name"))
    with pytest.raises(DeployError, match=r"Metaflow keeps self\.name for itself.*my_name = Parameter"):
        read_parameters(flow_of(odd))


def test_a_default_that_is_none() -> None:
    odd = with_parameters(broken=Parameter("broken", type=JSONType, default="{nonsense"))
    with pytest.raises(DeployError, match=r"default of the parameter 'broken' is .* takes a JSON value"):
        read_parameters(flow_of(odd))


def test_a_scheduled_flow_needs_its_values() -> None:
    with pytest.raises(DeployError, match="nobody gives its required parameters text then"):
        read_parameters(flow_of(Plain), scheduled=True)
    assert read_parameters(flow_of(Made), scheduled=True)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("str", "", ""),
        ("str", "a 'b' \"c\" $d `e` \n ü 中", "a 'b' \"c\" $d `e` \n ü 中"),
        ("str", "1", "1"),
        ("int", "-3", -3),
        ("float", "1e-3", 0.001),
        ("bool", "True", True),
        ("bool", "no", False),
        ("json", '{"a": [1, null]}', {"a": [1, None]}),
        ("json", "null", None),
        ("file", '{"type": "uploader-v1"}', '{"type": "uploader-v1"}'),
    ],
)
def test_texts(kind: str, text: str, value: Any) -> None:
    found = value_from_text(ParameterInfo("p", "p", kind), text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("kind", "text"), [("int", "1.5"), ("float", "x"), ("bool", "maybe"), ("json", "{")])
def test_texts_that_mean_nothing(kind: str, text: str) -> None:
    info = ParameterInfo("p", "p", kind)
    with pytest.raises(ValueError, match=takes(info)):
        value_from_text(info, text)
