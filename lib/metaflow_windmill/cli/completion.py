"""``metaflow-windmill completion``: what a shell has to know to complete the commands by the tab key.

The words stand in what is printed, so that a shell starts no Python to complete.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import TYPE_CHECKING

from metaflow_windmill.cli.shells import SHELLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.cli.shells import Words

EXAMPLES = (
    'eval "$(metaflow-windmill completion bash)"',
    "metaflow-windmill completion fish > ~/.config/fish/completions/metaflow-windmill.fish",
    'eval "$(metaflow-windmill completion bash --flows)"',
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("shell", choices=sorted(SHELLS), metavar="SHELL", help="bash, zsh or fish")
    parser.add_argument(
        "--flows",
        action="store_true",
        help="complete `python flow.py windmill` too, in place of what completes `python` in this shell "
        "(default: `metaflow-windmill` only)",
    )


def run(said: argparse.Namespace) -> int:
    """Print the program for the shell."""
    print(SHELLS[said.shell](own_words(), flow_words() if said.flows else None), end="")
    return 0


def own_words() -> Words:
    """Return the subcommands of ``metaflow-windmill``, each with its options."""
    from metaflow_windmill.cli.main import COMMANDS

    found: Words = {}
    for name, command in COMMANDS.items():
        parser = argparse.ArgumentParser(prog=name)
        import_module(command.module).configure(parser)
        words: list[str] = []
        for action in parser._actions:  # noqa: SLF001  (argparse tells of them in no other way)
            words += [*action.option_strings] or [str(choice) for choice in action.choices or ()]
        found[name] = tuple(words)
    return found


def flow_words() -> Words:
    """Return the commands of a flow's ``windmill``, each with its options; its parameters are in its file."""
    from metaflow_windmill.cli.flow.group import cli

    group = cli.commands["windmill"]
    return {name: (*_options(command), "--help") for name, command in group.commands.items()}


def _options(command: object) -> Iterator[str]:
    for parameter in getattr(command, "params", ()):
        if not getattr(parameter, "hidden", False):
            yield from (
                word for word in (*parameter.opts, *parameter.secondary_opts) if word.startswith("--")
            )
