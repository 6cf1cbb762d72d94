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

_OPTION = re.compile(
    r"`windmill [^`]*`"  # a command, which stays one
    r"|(?<![\w-])--(?P<name>[a-z][a-z0-9-]+)(?:=(?P<value>[\w.]+)| (?:[A-Z]{2,}\b|[\w-]+=\.\.\.))?(?![\w-])"
)


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
        option, value = found["name"], found["value"]
        if option is None:
            return found[0]
        name = names.get(f"--{option}", option.replace("-", "_"))
        return f'{name}="{value}"' if value else f"{name}=..."

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
