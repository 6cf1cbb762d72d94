"""The group's own help, and what it says of a command or an option that is not there."""

from __future__ import annotations

import pytest
from metaflow._vendor import click

from metaflow_windmill.cli.flow.group import COMMANDS, SECTIONS, cli
from metaflow_windmill.terminal.speech import CommandError, meant_by

GROUP = cli.commands["windmill"]


def test_the_help_tells_of_each_command_once_by_what_it_is_for() -> None:
    assert sorted(name for names in SECTIONS.values() for name in names) == sorted(COMMANDS)
    text = GROUP.get_help(click.Context(GROUP, info_name="windmill"))
    assert [line[:-1] for line in text.splitlines() if line[:-1] in SECTIONS] == list(SECTIONS)
    assert all(f"\n  {name} " in text for name in COMMANDS)


@pytest.mark.parametrize(("said", "meant"), [("stauts", "status"), ("list-run", "list-runs"), ("xyz", "")])
def test_a_mistyped_command_is_told_what_may_be_meant(said: str, meant: str) -> None:
    with pytest.raises(CommandError) as told:
        GROUP.resolve_command(click.Context(GROUP, info_name="windmill"), [said])
    expected = f"There is no command {said!r}" + (f" (did you mean {meant}?)." if meant else ".")
    assert told.value.message == expected


def test_a_mistyped_option_is_told_what_may_be_meant() -> None:
    command = GROUP.commands["logs"]
    with pytest.raises(CommandError) as told:
        command.make_context("logs", ["--folow"], parent=click.Context(GROUP, info_name="windmill"))
    assert told.value.message.startswith("no such option: --folow (did you mean --follow?); see `")
    assert meant_by("--nothing-like-it", ["--step"]) == ""
