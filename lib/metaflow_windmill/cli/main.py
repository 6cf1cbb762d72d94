"""The ``metaflow-windmill`` command: each subcommand is a module, imported only when it is asked for."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from metaflow_windmill import __version__
from metaflow_windmill.errors import MetaflowWindmillError

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILED = 1
INTERRUPTED = 130


class Command(NamedTuple):
    """A subcommand: the module that holds it and what it does, in one line."""

    module: str
    summary: str


COMMANDS = {
    "completion": Command(
        "metaflow_windmill.cli.completion",
        "print what completes commands in bash, zsh or fish by the tab key",
    ),
    "dev": Command("metaflow_windmill.cli.dev", "run an embedded Windmill on this machine"),
    "doctor": Command("metaflow_windmill.cli.doctor", "look at an installation and say what to do about it"),
    "install": Command("metaflow_windmill.cli.install", "put the scripts of f/metaflow into a workspace"),
}


class Subcommand(Protocol):
    """What a subcommand's module holds."""

    EXAMPLES: tuple[str, ...]

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the subcommand's options."""

    def run(self, said: argparse.Namespace) -> int:
        """Do it, and return the exit status."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; an error of ours becomes one sentence and exit status 1."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    asked = next((word for word in given if word in COMMANDS), None)
    said = _parser(asked).parse_args(given)
    try:
        return _module(said.command).run(said)
    except MetaflowWindmillError as fault:
        print(f"metaflow-windmill {said.command}: {fault}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser(asked: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="metaflow-windmill",
        description="Metaflow flows on Windmill. Each command has a --help; the commands of a flow are in "
        "`python flow.py windmill --help`.",
        epilog=examples(["metaflow-windmill dev", "metaflow-windmill doctor --workers"]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=command.summary)
        if name == asked:
            describe(name, subparser)
    return parser


def describe(name: str, parser: argparse.ArgumentParser) -> None:
    """Give a parser all that a subcommand has: what it does, its options, and examples."""
    module = _module(name)
    parser.description = f"{COMMANDS[name].summary}."
    parser.epilog = examples(module.EXAMPLES)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    module.configure(parser)


def examples(lines: Sequence[str]) -> str:
    """Return examples as the help shows them."""
    return "\n".join(["examples:", *(f"  {line}" for line in lines)])


def _module(name: str) -> Subcommand:
    return cast("Subcommand", import_module(COMMANDS[name].module))


if __name__ == "__main__":
    sys.exit(main())
