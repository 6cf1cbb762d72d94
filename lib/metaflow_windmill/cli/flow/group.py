"""The group itself. Its options stand before the command, for all commands; they never touch the network."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from metaflow._vendor import click

from metaflow_windmill.cli.flow.options.shared import target_options
from metaflow_windmill.cli.flow.options.top_level import check_top_level
from metaflow_windmill.terminal.speech import CommandError, meant_by

if TYPE_CHECKING:
    from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions

SECTIONS = {
    "Deploy": ("create", "diff", "export", "mermaid"),
    "Run": ("run", "trigger", "resume", "approve", "terminate", "retry-now"),
    "Watch": ("status", "logs", "why", "open", "list-runs"),
    "History": ("history", "rollback"),
    "Workspace": ("list-flows", "suspend", "unsuspend", "delete"),
}
"""The commands as the help tells of them."""

COMMANDS = {
    "create": "create.command",
    "trigger": "trigger.command",
    "run": "run.command",
    "resume": "resume.command",
    "approve": "approve.command",
    "list-runs": "list_runs.command",
    "status": "status.command",
    "logs": "logs.command",
    "why": "why.command",
    "terminate": "terminate.command",
    "retry-now": "retry_now.command",
    "delete": "delete.command",
    "list-flows": "list_flows.command",
    "suspend": "suspension.suspend",
    "unsuspend": "suspension.unsuspend",
    "open": "open.command",
    "diff": "diff.command",
    "history": "history.history",
    "rollback": "history.rollback",
    "export": "export.command",
    "mermaid": "mermaid.command",
}
"""Each command's name, and where in this package it is."""


def keep(ctx: click.Context, *, given: TargetOptions) -> None:
    """Keep what was said before the command, if all of it means something to it."""
    gc.freeze()  # else Python goes through all of Metaflow twice at the end, longer than the command takes
    check_top_level(ctx.obj, ctx.parent, str(ctx.invoked_subcommand))
    ctx.obj.windmill = given


class Sections(click.Group):  # type: ignore[misc]  # click has no types here
    """A group whose help tells of its commands by what they are for, and which knows what was meant."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands, a section a purpose."""
        for title, names in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(70)) for name in names])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str, click.Command, list[str]]:
        """Return the command that is asked for; where there is none, say which one may be meant."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            raise CommandError(f"There is no command {name!r}{meant_by(name, COMMANDS)}.", "Wrong use")
        found: tuple[str, click.Command, list[str]] = super().resolve_command(ctx, args)
        return found


class _Commands(Mapping[str, click.Command]):
    """The commands by name, each imported when it is asked for: one has no use for what the others need."""

    def __getitem__(self, name: str) -> click.Command:
        module, attribute = COMMANDS[name].split(".")
        command: click.Command = getattr(
            import_module(f"metaflow_windmill.cli.flow.commands.{module}"), attribute
        )
        command.name = name  # Metaflow's Deployer calls it by this
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _group() -> click.Group:
    """Return the group ``windmill`` with all commands."""
    make = click.group(
        "windmill",
        cls=Sections,
        help="Commands related to Windmill, such as `python flow.py windmill run`; each has a --help.",
    )
    group: click.Group = make(target_options(click.pass_context(keep)))
    group.commands = _Commands()
    return group


cli = click.Group("cli", commands={"windmill": _group()})
