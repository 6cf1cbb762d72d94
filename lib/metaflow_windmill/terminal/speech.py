"""How the commands speak: people read stderr, programs read stdout, and an error is one sentence."""

from __future__ import annotations

import functools
import json
import os
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from metaflow._vendor import click

from metaflow_windmill.errors import (
    CompileError,
    InvalidParameter,
    MetaflowWindmillError,
    NotOurs,
    PackageError,
    Unauthorized,
    Unreachable,
)
from metaflow_windmill.terminal.elsewhere import COMMANDS, ELSEWHERE
from metaflow_windmill.terminal.paste import pasted
from metaflow_windmill.terminal.python_words import for_the_caller

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import IO

    from metaflow_windmill.internals.deploying import CliState
    from metaflow_windmill.types import Json

P = ParamSpec("P")
R = TypeVar("R")

INTERRUPTED = 130
PROGRAM = "python flow.py windmill"
"""How the help writes what stands before a command."""

_HEADLINES: tuple[tuple[type[MetaflowWindmillError], str], ...] = (
    (Unreachable, "Windmill cannot be reached"),
    (Unauthorized, "Windmill does not let you in"),
    (NotOurs, "Not yours to change"),
    (InvalidParameter, "Invalid parameter"),
    (CompileError, "This flow cannot run on Windmill"),
    (PackageError, "The code package cannot be made"),
)


class CommandError(click.ClickException):  # type: ignore[misc]  # click has no types here
    """Ends a command with exit status 1 and its message, shown as Metaflow shows its own errors.

    Metaflow's own way to print an exception takes ``*`` for emphasis, which would eat the
    asterisks of a cron expression. To somebody who calls from Python, options are arguments.
    """

    exit_code = 1

    def __init__(self, message: str, headline: str = "Windmill") -> None:
        super().__init__(pasted(for_the_caller(message)))
        self.headline = headline

    def show(self, file: IO[str] | None = None) -> None:
        """Print the headline and the message to stderr."""
        indented = "\n".join(f"    {line}" for line in self.message.splitlines())
        click.secho(f"    {self.headline}:", bold=True, err=True, file=file)
        click.secho(f"{indented}\n", err=True, file=file)


class PlainCommand(click.Command):  # type: ignore[misc]  # click has no types here
    """A command whose wrong options are one sentence and exit status 1, as all other bad input."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the command line."""
        try:
            rest: list[str] = super().parse_args(ctx, args)
        except click.UsageError as why:
            raise CommandError(_usage(why, ctx), "Wrong use") from None
        return rest


def flow_command(
    text: str,
    *options: Callable[..., Any],
    examples: tuple[str, ...],
    kind: type[click.Command] = PlainCommand,
) -> Callable[[Callable[..., None]], click.Command]:
    """Make a command of a function that takes Metaflow's CliState and then its options by name.

    Parameters
    ----------
    text : str
        The help.
    *options : callable
        What `click.option` returns, in the order of the help.
    examples : tuple of str
        What may stand after ``python flow.py windmill``, each with the command itself; for a flow with a
        parameter ``alpha``.
    kind : type
        The class of the command.
    """

    def make(function: Callable[..., None]) -> click.Command:
        decorated = click.pass_obj(_plainly(function))
        for add in reversed(options):
            decorated = add(decorated)
        return click.command(cls=kind, help=text, epilog=example_text(examples))(decorated)

    return make


def example_text(examples: Iterable[str]) -> str:
    """Return the examples as the help shows them, each on a line of its own."""
    return "\n".join(["\b", "Examples:", *(f"  {PROGRAM} {words}" for words in examples)])


def _plainly(function: Callable[P, R]) -> Callable[P, R]:
    """Turn the errors of this project into a `CommandError`."""

    @functools.wraps(function)
    def speaking(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except MetaflowWindmillError as why:
            raise CommandError(_sentence(why), _headline(why)) from why

    return speaking


def say(obj: CliState, text: str, *, bold: bool = False, indent: bool = False, fg: str | None = None) -> None:
    """Tell a person something, on stderr; nothing with ``--quiet``.

    Unlike Metaflow's own ``echo`` it leaves asterisks alone.
    """
    if not obj.is_quiet:
        text = pasted(text)
        said = f"    {text}" if indent else text
        click.secho(said, bold=bold, fg=fg, err=True, color=colour())


def colour() -> bool | None:
    """Return what click is to be told of colours: none where they are not wanted; else it decides."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None


def print_data(data: str) -> None:
    """Print data for a program, to stdout."""
    click.echo(data)


def print_json(data: Json) -> None:
    """Print a JSON document, to stdout."""
    print_data(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def print_table(heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Print rows in columns, to stdout."""
    cells = [heads, *(tuple("" if cell is None else str(cell) for cell in row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print_data("  ".join(padded).rstrip())


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is destroyed.

    Raises
    ------
    CommandError
        If the answer is no, or there is nobody to ask.
    """
    if yes:
        return
    if not click.get_text_stream("stdin").isatty():
        raise CommandError(f"{question} Nobody is here to answer: add --yes.", "Not done")
    if not click.confirm(question, err=True):
        raise CommandError("Nothing was changed.", "Not done")


def _usage(why: click.UsageError, ctx: click.Context) -> str:
    """Say what is wrong with a command line, and what to do."""
    said = why.format_message().rstrip(".")
    reason = ELSEWHERE.get(getattr(why, "option_name", None) or "")
    if said.startswith("Got unexpected extra argument"):
        reason = COMMANDS.get(str(ctx.info_name))
    if reason:
        return f"{said}: {reason}."
    if isinstance(why, click.NoSuchOption):
        known = [name for option in ctx.command.params for name in option.opts]
        said = f"{why.message}{meant_by(why.option_name, known)}"
    return f"{said}; see `windmill {ctx.info_name} --help`."


def meant_by(said: str, known: Iterable[str]) -> str:
    """Return a question for what may have been meant, or nothing."""
    from difflib import get_close_matches

    close = get_close_matches(said, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else ""


def _headline(why: MetaflowWindmillError) -> str:
    return next((words for kind, words in _HEADLINES if isinstance(why, kind)), "Windmill")


def _sentence(why: MetaflowWindmillError) -> str:
    text = str(why).strip()
    if text.partition(" ")[0].isalpha():  # a path or a name is left as it is
        text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?", ":")) else f"{text}."
