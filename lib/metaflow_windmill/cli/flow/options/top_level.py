"""Which options of Metaflow, before ``windmill``, mean something to which command; all others are refused."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metaflow_windmill.terminal.python_words import FROM_PYTHON
from metaflow_windmill.terminal.speech import CommandError, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from metaflow._vendor import click

    from metaflow_windmill.internals.deploying import CliState

ALL = frozenset({"*"})
NONE: frozenset[str] = frozenset()
COMPILE = frozenset({"create", "run", "diff", "export"})
"""The commands that compile the flow as the command line describes it."""
START = frozenset({"trigger", "resume"})
"""The commands that start a run of what is deployed already."""


@dataclass(frozen=True)
class Use:
    """What an option is for.

    Parameters
    ----------
    commands : frozenset of str
        Those that it means something to.
    instead : str
        What to do instead of giving it to another one.
    """

    commands: frozenset[str]
    instead: str = (
        "it is settled when the flow is deployed; give it to `windmill create` and leave it out here"
    )


_TRIED_THERE = (
    "it tries a flow out on this machine; on Windmill the end of the other flow's run starts this one, so "
    "run that flow there"
)
USES = {
    "quiet": Use(ALL),
    "pylint": Use(ALL),  # --no-pylint, which is all that it can say, asks for nothing
    "environment": Use(ALL),  # Metaflow loads no flow with @pypi or @conda without it
    "config": Use(ALL),  # the same where a config has no default; it may also say which project is meant
    "config_value": Use(ALL),
    "production": Use(ALL),  # says which deployment is meant
    "branch": Use(ALL),
    "local_config_file": Use(ALL),  # Metaflow gives it to programs of its own
    "metadata": Use(COMPILE),
    "datastore": Use(COMPILE | START),  # files among the parameters are saved there
    "datastore_root": Use(COMPILE | START),
    "package_suffixes": Use(COMPILE),
    "decospecs": Use(COMPILE | {"mermaid"}),
    "event_logger": Use(COMPILE),
    "monitor": Use(COMPILE),
    "trigger": Use(NONE, _TRIED_THERE),
    "force_rebuild_environments": Use(NONE, "workers install packages themselves; leave it out"),
    "mode": Use(NONE, "it is for steps that run on this machine; leave it out"),
}
"""By the name that click has for the option; what another decorator adds goes with the flow to its tasks."""


def check_top_level(obj: CliState, top: click.Context, command: str) -> None:
    """Let a command through if every option before ``windmill`` means something to it.

    A program has one set of options for all that it does with a flow, so what Metaflow's Deployer was given
    is refused only where nothing would ever come of it.

    Raises
    ------
    CommandError
        With what to do instead.
    """
    from_python = bool(os.environ.get(FROM_PYTHON))
    for option in _given(top):
        use = USES.get(str(option.name), Use(ALL))
        if not use.commands & {"*", command} and not (from_python and use.commands):
            raise CommandError(
                f"{_word(option)} means nothing to the command {command}: {use.instead}.", "Wrong use"
            )
    if command in START and getattr(obj, "has_cl_config_options", False) and not from_python:
        say(obj, "Note: a run has the configs that its flow was deployed with, and not those given here.")


def _given(top: click.Context) -> Iterator[click.Option]:
    """Yield the options that have another value than without them."""
    values: Mapping[str, Any] = top.params
    for option in top.command.params:
        value = values.get(option.name)
        if value not in (None, (), False) and value != option.get_default(top):
            yield option


def _word(option: click.Option) -> str:
    return str(max(option.opts, key=len))
