"""Commands in messages: with the script, and with the options that mean the same flow."""

from __future__ import annotations

import shlex
import sys
from types import SimpleNamespace

import pytest
from metaflow._vendor import click

from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions
from metaflow_windmill.terminal.paste import command_line, pasted
from metaflow_windmill.terminal.speech import CommandError

pytestmark = pytest.mark.metaflow

TOP = click.Group(
    "flow",
    params=[
        click.Option(["--environment"], default="local"),
        click.Option(["--datastore"], default="local"),
        click.Option(["--branch"]),
        click.Option(["--production"], is_flag=True),
        click.Option(["--config", "config"], nargs=2, multiple=True, type=(str, str)),
    ],
)
COMMAND = click.Command("run", params=[click.Option(["--name"]), click.Option(["--windmill-token"])])


def said(*top: str, given: TargetOptions = TargetOptions(), words: tuple[str, ...] = ()) -> str:  # noqa: B008 (it is frozen)
    """Return a pasted message of a command line with these options."""
    with TOP.make_context("flow", [*top, "windmill"]) as above:
        above.obj = SimpleNamespace(windmill=given)
        with COMMAND.make_context("run", list(words), parent=above):
            return pasted("Look with `windmill status RUN`, please.").replace(
                f"python {shlex.quote(sys.argv[0])} ", "python flow.py ", 1
            )


def test_a_command_names_the_script() -> None:
    assert said() == "Look with `python flow.py windmill status RUN`, please."


def test_what_means_another_deployment_is_kept_and_nothing_else() -> None:
    line = said("--environment", "pypi", "--datastore", "s3", "--production", "--branch", "my branch")
    assert "`python flow.py --environment pypi --branch 'my branch' --production windmill status RUN`" in line
    assert "--config one a.json --config two b.json windmill" in said(
        "--config", "one", "a.json", "--config", "two", "b.json"
    )


def test_options_of_the_group_and_of_the_command_are_kept_but_no_token() -> None:
    given = TargetOptions("http://windmill", "secret", "team", "One", "f/x")
    line = said(given=given, words=("--name", "Two", "--windmill-token", "secret"))
    assert (
        "windmill --name Two --folder f/x --windmill-host http://windmill --windmill-workspace team status"
        in line
    )
    assert "secret" not in line


def test_failures_can_be_pasted_and_other_words_are_left_alone() -> None:
    with TOP.make_context("flow", ["windmill"]):
        assert (
            f"`python {sys.argv[0]} windmill create` first" in CommandError("`windmill create` first").message
        )
        assert pasted("Windmill says `windmill`; run `uv lock`") == "Windmill says `windmill`; run `uv lock`"
    assert pasted("`windmill create`") == "`windmill create`"


def test_a_script_in_a_folder_with_spaces_is_quoted() -> None:
    line = command_line("logs", "windmill-1", script="my flows/flow.py")
    assert line == "python 'my flows/flow.py' windmill logs windmill-1"
