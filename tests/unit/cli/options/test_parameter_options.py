"""The flow's parameters among the options of a command, and how each is gathered."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from metaflow import FlowSpec, IncludeFile, JSONType, Parameter, step
from metaflow._vendor import click
from metaflow._vendor.click.testing import CliRunner
from metaflow.exception import MetaflowTaggingError
from metaflow.parameters import flow_context

from metaflow_windmill.cli.flow.options.parameter_options import (
    ParameterCommand,
    given_tags,
    given_texts,
    given_values,
)
from metaflow_windmill.cli.flow.options.run_options import run_options
from metaflow_windmill.errors import InvalidParameter
from metaflow_windmill.terminal.speech import flow_command

if TYPE_CHECKING:
    from pathlib import Path


class Asking(FlowSpec):  # type: ignore[misc]  # Metaflow has no types
    alpha = Parameter("alpha", type=int, required=True, help="How much")
    how_many = Parameter("how-many", default=3)
    person = Parameter("name", default="you")
    wait = Parameter("wait", default=True)
    hidden = Parameter("run_params", default="")
    asked = Parameter("help", default="")
    options = Parameter("options", type=JSONType, default="{}")
    table = IncludeFile("table")
    mark = Parameter("mark", default="")

    @step  # type: ignore[untyped-decorator]
    def start(self) -> None:
        self.next(self.end)

    @step  # type: ignore[untyped-decorator]
    def end(self) -> None:
        pass


seen: dict[str, Any] = {}


@flow_command(
    "A command for this test.",
    run_options(),
    click.option("--name", default="deployment"),
    click.option("--wait/--no-wait", default=True),
    click.option("--limit", default=5, type=int),
    click.option("--mark", "marks", multiple=True, default=None),
    examples=("command",),
    kind=ParameterCommand,
)
def command(obj: Any, **options: Any) -> None:
    start = options.pop("start")
    texts = given_texts(obj, start.parameters, start.params)
    seen.update({"texts": texts, "run_params_file": start.params_file, **options})


@pytest.fixture
def flow() -> Any:
    with flow_context(Asking):
        for _, parameter in Asking._get_parameters():
            parameter.init()
        return Asking(use_cli=False)


def run(flow: Any, *words: str, env: dict[str, str] | None = None) -> Any:
    seen.clear()
    obj = SimpleNamespace(flow=flow, echo=print, datastore_impl=SimpleNamespace(TYPE="local"), is_quiet=True)
    return CliRunner(mix_stderr=False).invoke(
        command, list(words), obj=obj, env=env, auto_envvar_prefix="METAFLOW"
    )


def test_parameters_win_over_options_of_the_same_name(flow: Any) -> None:
    assert run(flow, "--alpha", "1", "--name", "Bob", "--wait", "no", "--limit", "7").exit_code == 0
    assert seen == {
        "texts": {"alpha": "1", "name": "Bob", "wait": "no"},
        "run_params_file": None,
        "name": "deployment",
        "wait": True,
        "limit": 7,
        "marks": (),
    }


def test_an_option_of_the_same_word_gives_way_whatever_it_is_called_inside(flow: Any) -> None:
    assert run(flow, "--mark", "x").exit_code == 0
    assert (seen["texts"], seen["marks"]) == ({"mark": "x"}, ())


def test_tags_come_from_the_command_line_and_from_a_file_of_parameters() -> None:
    values = {"alpha": 1, "$tags": ["a", "b"]}
    assert given_tags(["b", "c"], values) == ("a", "b", "c")
    assert values == {"alpha": 1}
    with pytest.raises(MetaflowTaggingError, match="too long"):
        given_tags(["x" * 501], {})


def test_nothing_is_required_and_nothing_converted(flow: Any) -> None:
    assert run(flow).exit_code == 0
    assert seen["texts"] == {}
    assert run(flow, "--alpha", "x y", "--options", "{nonsense").exit_code == 0
    assert seen["texts"] == {"alpha": "x y", "options": "{nonsense"}


def test_help_stays_help(flow: Any) -> None:
    said = run(flow, "--help")
    assert said.exit_code == 0
    assert "A command for this test." in said.stdout
    assert run(flow, "--run-param", "help=me").exit_code == 0
    assert seen["texts"] == {"help": "me"}


def test_pairs_reach_every_parameter(flow: Any) -> None:
    assert run(flow, "--run-param", "run_params=a=b", "--run-param", "how-many=4").exit_code == 0
    assert seen["texts"] == {"run_params": "a=b", "how-many": "4"}


def test_parameters_from_the_environment(flow: Any) -> None:
    assert run(flow, env={"METAFLOW_COMMAND_ALPHA": "1", "METAFLOW_ALPHA": "9"}).exit_code == 0
    assert seen["texts"] == {"alpha": "9"}


def test_a_file_that_is_not_there(flow: Any) -> None:
    said = run(flow, "--table", "/nowhere/at/all")
    assert said.exit_code == 1
    assert "IncludeFile: could not open file '/nowhere/at/all' for reading" in said.stderr
    said = run(flow, "--run-param", "table=/nowhere/at/all")
    assert said.exit_code == 1
    assert "The parameter 'table' takes a file: Invalid value: IncludeFile: could not open" in said.stderr


def test_wrong_words_are_one_sentence(flow: Any) -> None:
    said = run(flow, "--limit", "many")
    assert said.exit_code == 1
    assert "many is not a valid integer; see `python " in said.stderr
    assert run(flow, "--beta", "1").exit_code == 1


def test_help_shows_the_parameters(flow: Any) -> None:
    shown = run(flow, "--help").stdout
    assert "--alpha" in shown
    assert "How much" in shown
    assert shown.count("--name ") == 1


def test_values_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "values.json"
    file.write_text(json.dumps({"alpha": 1, "text": "x" * 200_000}))
    assert given_values(str(file))["alpha"] == 1
    assert given_values(None) == {}
    file.write_text("[1]")
    with pytest.raises(InvalidParameter, match="must hold a JSON object"):
        given_values(str(file))
    file.write_text("{")
    with pytest.raises(InvalidParameter, match="cannot be read"):
        given_values(str(file))
