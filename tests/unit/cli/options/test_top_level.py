"""Each option of Metaflow's command line is used by a command of ours, or refused: none is dropped."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from metaflow._vendor import click

from metaflow_windmill.cli.flow.group import COMMANDS
from metaflow_windmill.cli.flow.options.top_level import USES, check_top_level
from metaflow_windmill.terminal.python_words import FROM_PYTHON
from metaflow_windmill.terminal.speech import CommandError

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

OF_FLOWS = {"production", "branch", "trigger", "config", "config_value"}
"""Those that a flow has only with certain decorators, or with a Config."""
COMPILE, START = {"create", "run", "diff", "export"}, {"trigger", "resume"}
EVERY = set(COMMANDS)
TABLE: dict[str, tuple[Json, set[str]]] = {
    "--quiet": (True, EVERY),
    "--environment": ("pypi", EVERY),
    "--branch": ("b", EVERY),
    "--metadata": ("service", COMPILE),
    "--datastore": ("s3", COMPILE | START),
    "--datastore-root": ("/data", COMPILE | START),
    "--package-suffixes": (".txt", COMPILE),
    "--with": (("retry",), COMPILE | {"mermaid"}),
    "--event-logger": ("debugLogger", COMPILE),
    "--monitor": ("debugMonitor", COMPILE),
    "--trigger": (("Bar/1",), set()),
    "--force-rebuild-environments": (True, set()),
    "--mode": ("spin", set()),
}
NAMES = {"--with": "decospecs"}


def top(word: str, value: Json) -> click.Context:
    name = NAMES.get(word, word.strip("-").replace("-", "_"))
    option = click.Option([word, name], multiple=isinstance(value, tuple))
    context = click.Context(click.Command("flow.py", params=[option]))
    context.params = {name: value}
    return context


def obj(**more: Json) -> Json:
    return SimpleNamespace(is_quiet=False, **more)


@pytest.mark.parametrize("word", TABLE)
@pytest.mark.parametrize("command", COMMANDS)
def test_an_option_is_used_or_refused(word: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FROM_PYTHON, raising=False)
    value, users = TABLE[word]
    if command in users:
        check_top_level(obj(), top(word, value), command)
        return
    with pytest.raises(CommandError, match=rf"{word} means nothing to the command {command}: "):
        check_top_level(obj(), top(word, value), command)


def test_every_option_of_metaflow_is_in_the_table() -> None:
    from metaflow.cli import start

    assert {option.name for option in start.params} | OF_FLOWS == set(USES)


def test_what_was_not_given_is_not_refused() -> None:
    check_top_level(obj(), top("--with", ()), "status")


def test_a_program_gives_its_options_once_for_all_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FROM_PYTHON, "1")
    check_top_level(obj(), top("--with", ("retry",)), "trigger")
    with pytest.raises(CommandError):
        check_top_level(obj(), top("--trigger", ("Bar/1",)), "trigger")


def test_a_config_before_trigger_is_remarked_on(capsys: pytest.CaptureFixture[str]) -> None:
    check_top_level(obj(has_cl_config_options=True), top("--quiet", value=True), "trigger")
    assert "a run has the configs that its flow was deployed with" in capsys.readouterr().err
