"""The help of every command: what it does, an example that can be typed, and what its options take."""

from __future__ import annotations

import argparse
import shlex
from types import SimpleNamespace
from typing import Any

import pytest
from metaflow import JSONType, Parameter
from metaflow._vendor import click

from metaflow_windmill.cli.flow.group import COMMANDS, cli
from metaflow_windmill.cli.flow.options.parameter_options import default_text, type_text
from metaflow_windmill.cli.main import COMMANDS as OWN
from metaflow_windmill.cli.main import _parser, describe
from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions
from metaflow_windmill.terminal.speech import PROGRAM

pytestmark = pytest.mark.metaflow

GROUP = cli.commands["windmill"]
ALPHA = Parameter("alpha", type=float, default=2.5, help="How much")
ALPHA.init()


def state() -> Any:
    """What Metaflow hands to a command of a flow with one parameter."""
    flow = SimpleNamespace(_get_parameters=lambda: [("alpha", ALPHA)])
    return SimpleNamespace(flow=flow, is_quiet=True, windmill=TargetOptions())


def examples_of(text: str, program: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    return [line.partition(program)[2] for line in lines if line.startswith(f"{program} ")]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_of_a_flow_has_examples_that_parse(name: str) -> None:
    command = GROUP.commands[name]
    with click.Context(GROUP, info_name="windmill", obj=state()) as above:
        text = command.get_help(click.Context(command, info_name=name, parent=above))
        found = examples_of(text, PROGRAM)
        assert found
        for example in found:
            _, rest = GROUP.make_parser(above).parse_args(shlex.split(example))[:2]
            assert rest[0] == name
            command.make_context(name, rest[1:], parent=above)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_of_a_flows_command_tells_what_it_takes_and_what_holds_without_it(name: str) -> None:
    command = GROUP.commands[name]
    ctx = click.Context(command, info_name=name, obj=state())
    for option in command.get_params(ctx):
        record = option.get_help_record(ctx)
        if record is None or not isinstance(option, click.Option):
            continue
        words, meaning = record
        assert meaning
        assert option.is_flag or words.rsplit(" ", maxsplit=1)[-1].strip("[]").isupper(), words
        default = option.get_default(ctx)
        if default not in (None, (), False):
            assert f"[default: {default}]" in meaning, words
        assert option.name != "alpha" or ("[default: " in meaning and words == "--alpha FLOAT")


def test_the_groups_own_help_says_how_to_get_more() -> None:
    text = GROUP.get_help(click.Context(GROUP, info_name="windmill"))
    assert f"`{PROGRAM} run`" in " ".join(text.split())


@pytest.mark.parametrize(
    ("told", "kind", "default"),
    [
        ({"type": int, "required": True}, "INTEGER", "[required]"),
        ({"default": 3}, "INTEGER", "[default: 3]"),
        ({"default": True}, "BOOLEAN", "[default: True]"),
        ({"type": JSONType, "default": "{}"}, "JSON", "[default: {}]"),
        ({"default": lambda _: 1}, "TEXT", "[default: made when it is deployed]"),
        ({}, "TEXT", ""),
    ],
)
def test_parameters_tell_their_types_and_defaults(told: dict[str, Any], kind: str, default: str) -> None:
    assert (type_text(told), default_text(told)) == (kind, default)


@pytest.mark.parametrize("name", OWN)
def test_each_command_of_the_tool_has_examples_that_parse(name: str) -> None:
    parser = argparse.ArgumentParser(prog=name)
    describe(name, parser)
    found = examples_of(parser.format_help().replace('eval "$(', "").replace(')"', ""), "metaflow-windmill")
    assert found
    for example in found:
        said = _parser(name).parse_args(shlex.split(example.partition(" > ")[0]))
        assert said.command == name


@pytest.mark.parametrize("name", OWN)
def test_each_option_of_the_tool_tells_what_it_takes_and_what_holds_without_it(name: str) -> None:
    parser = argparse.ArgumentParser(prog=name)
    describe(name, parser)
    for action in parser._actions:
        if action.option_strings and action.dest != "help":
            assert action.help
            assert "default" in action.help, action.option_strings
