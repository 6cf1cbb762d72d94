"""The reference of commands, scripts and the Python API, made from the code that does them."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[1]

PYTHON = (
    (
        "A flow that is deployed",
        "metaflow_extensions.windmill.plugins.windmill_deployer_objects.WindmillDeployedFlow",
    ),
    (
        "A run that was started",
        "metaflow_extensions.windmill.plugins.windmill_triggered_run.WindmillTriggeredRun",
    ),
    ("The decorator `@windmill`", "metaflow_extensions.windmill.plugins.windmill_step.WindmillDecorator"),
    ("Events", "metaflow_windmill.events.publish_event"),
)


def commands() -> str:
    """Return the page of all commands, of a flow and of `metaflow-windmill`."""
    return "\n".join(["# Commands", "", *_flow_commands(), *_own_commands()])


def _flow_commands() -> Iterator[str]:
    from metaflow._vendor import click

    from metaflow_windmill.cli.flow.group import cli

    group = cli.commands["windmill"]
    with click.Context(group, info_name="python flow.py windmill") as above:
        yield from _command(group, above, "## python flow.py windmill")
        for name, command in group.commands.items():
            with click.Context(command, info_name=name, parent=above) as ctx:
                yield from _command(command, ctx, f"## python flow.py windmill {name}")


def _command(command: Any, ctx: Any, heading: str) -> Iterator[str]:  # noqa: ANN401 - a command of Metaflow's own click
    yield from (heading, "", _plain(command.help), "")
    if command.epilog:
        yield from ("```text", command.epilog.replace("\b", "").strip(), "```", "")
    rows = [record for record in (parameter.get_help_record(ctx) for parameter in command.params) if record]
    if rows:
        yield from ("| option | meaning |", "|---|---|")
        yield from (f"| `{option}` | {_cell(meaning)} |" for option, meaning in rows)
        yield ""


def _plain(text: str | None) -> str:
    return (text or "").replace("\b", "").strip()


def _cell(text: str) -> str:
    """Return a text as it can stand in a table, whatever is in it."""
    for sign in "\\`*_<>|[":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())


def _own_commands() -> Iterator[str]:
    from metaflow_windmill.cli.main import COMMANDS, describe

    for name in COMMANDS:
        parser = argparse.ArgumentParser(prog=f"metaflow-windmill {name}")
        describe(name, parser)
        parser.formatter_class = partial(argparse.RawDescriptionHelpFormatter, width=100)
        yield from (f"## metaflow-windmill {name}", "", "```text", parser.format_help().strip(), "```", "")


def scripts() -> str:
    """Return the page of the scripts in `f/metaflow`: what each is for, and the fields of its form."""
    from metaflow._vendor import yaml

    lines = ["# Scripts of the workspace", "", "`metaflow-windmill install` brings them to `f/metaflow`.", ""]
    for file in sorted((ROOT / "f" / "metaflow").glob("*.script.yaml")):
        lines += _script(file.name.partition(".")[0], yaml.safe_load(file.read_text(encoding="utf-8")))
    return "\n".join(lines)


def _script(name: str, described: dict[str, Any]) -> list[str]:
    fields = (described.get("schema") or {}).get("properties") or {}
    lines = [f"## f/metaflow/{name}", "", described["summary"] + ".", "", described["description"], ""]
    if fields:
        lines += ["| field | meaning | default |", "|---|---|---|"]
        lines += [_field(field, said) for field, said in fields.items()]
    return [*lines, ""]


def _field(name: str, said: dict[str, Any]) -> str:
    default = said.get("default")
    shown = "" if default is None or default == "" else f"`{default}`"
    return f"| `{name}` | {_cell(said.get('description', ''))} | {shown} |"


def python() -> str:
    """Return the page of the Python API, which mkdocstrings fills in."""
    lines = [
        "# Python",
        "",
        'What the Deployer gives: `Deployer("flow.py").windmill().create()`.',
        "",
    ]
    for heading, name in PYTHON:
        lines += [f"## {heading}", "", f"::: {name}", ""]
    return "\n".join(lines)


PAGES: dict[str, Callable[[], str]] = {"commands": commands, "scripts": scripts, "python": python}

if __name__ == "__main__":
    sys.stdout.write(PAGES[sys.argv[1]]())
