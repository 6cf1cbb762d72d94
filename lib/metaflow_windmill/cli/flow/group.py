"""The group itself. Its options stand before the command, for all commands; they never touch the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from metaflow._vendor import click

from metaflow_windmill.cli.flow.options import Given, place_options, server_options
from metaflow_windmill.cli.flow.top_level import check_top_level

COMMANDS = {
    "create": "create.command",
    "trigger": "trigger.command",
    "run": "run.command",
    "resume": "resume.command",
    "list-runs": "list_runs.command",
    "status": "status.command",
    "logs": "logs.command",
    "terminate": "terminate.command",
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


def keep(
    ctx: click.Context,
    *,
    name: str | None,
    folder: str | None,
    windmill_host: str | None,
    windmill_token: str | None,
    windmill_workspace: str | None,
) -> None:
    """Keep what was said before the command, if all of it means something to it."""
    check_top_level(ctx.obj, ctx.parent, str(ctx.invoked_subcommand))
    ctx.obj.windmill = Given(windmill_host, windmill_token, windmill_workspace, name, folder)


class _Commands(Mapping[str, click.Command]):
    """The commands by name, each imported when it is asked for: one has no use for what the others need."""

    def __getitem__(self, name: str) -> click.Command:
        module, attribute = COMMANDS[name].split(".")
        command: click.Command = getattr(import_module(f"metaflow_windmill.cli.flow.{module}"), attribute)
        command.name = name  # Metaflow's Deployer calls it by this
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _group() -> click.Group:
    """Return the group ``windmill`` with all commands."""
    make = click.group("windmill", help="Commands related to Windmill.")
    group: click.Group = make(place_options(server_options(click.pass_context(keep))))
    group.commands = _Commands()
    return group


cli = click.Group("cli", commands={"windmill": _group()})
