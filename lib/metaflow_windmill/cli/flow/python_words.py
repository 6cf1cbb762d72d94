"""What an error says to somebody who called from Python: arguments, where a command line has options."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from metaflow._vendor import click

if TYPE_CHECKING:
    from collections.abc import Mapping

FROM_PYTHON = "WINDMILL_ASKED_FROM_PYTHON"
"""Set where the Deployer runs a command, so that what it says names what one does in Python."""

_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]+)(?:=([\w.]+)| (?:[A-Z]{2,}\b|[\w-]+=\.\.\.))?(?![\w-])")


def for_the_caller(message: str) -> str:
    """Return a message as it is, or with arguments instead of options where Python has called."""
    return in_python(message, _names()) if os.environ.get(FROM_PYTHON) else message


def in_python(message: str, names: Mapping[str, str]) -> str:
    """Return a message with arguments instead of options.

    Parameters
    ----------
    message : str
    names : mapping of str to str
        The arguments that are not called as their options are: ``{"--tag": "tags"}``.
    """

    def argument(found: re.Match[str]) -> str:
        name = names.get(f"--{found[1]}", found[1].replace("-", "_"))
        return f'{name}="{found[2]}"' if found[2] else f"{name}=..."

    return _OPTION.sub(argument, message)


def _names() -> dict[str, str]:
    """Return the names of the options of the command that runs, and of what stands above it."""
    found: dict[str, str] = {}
    context = click.get_current_context(silent=True)
    while context is not None:
        options = (option for option in context.command.params if isinstance(option, click.Option))
        found = {word: str(option.name) for option in options for word in option.opts} | found
        context = context.parent
    return found
