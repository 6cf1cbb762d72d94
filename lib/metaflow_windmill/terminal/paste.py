"""Commands in messages, as a person can paste them: with the script, and the options that mean this flow."""

from __future__ import annotations

import re
import shlex
import sys
from typing import TYPE_CHECKING

from metaflow._vendor import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.types import Json

_NAMED = re.compile(r"`windmill( [^`]+)`")
_TOP = ("environment", "config", "config_value", "production", "branch")
"""The options before ``windmill`` without which another deployment is meant, or the flow is not loaded."""
_GROUP = ("name", "folder", "windmill_host", "windmill_workspace")
"""Those of the group that do so; a token is never printed."""


def pasted(text: str) -> str:
    """Return a message with each "`windmill WORDS`" in it as a command that can be pasted."""
    if "`windmill " not in text or click.get_current_context(silent=True) is None:
        return text
    return _NAMED.sub(lambda named: f"`{_prefix()}{named[1]}`", text)


def command_line(*words: str, script: str = "") -> str:
    """Return one of this flow's ``windmill`` commands, for a line of its own."""
    return f"{_prefix(script)} {shlex.join(words)}"


def _prefix(script: str = "") -> str:
    context = click.get_current_context(silent=True)
    top, group = (list(part) for part in (_top_words(context), _group_words(context)))
    return shlex.join(["python", script or sys.argv[0], *top, "windmill", *group])


def _top_words(context: click.Context | None) -> Iterator[str]:
    root = context.find_root() if context else None
    for option in root.command.params if root else ():
        value = root.params.get(option.name) if root else None
        if option.name in _TOP and value and value != option.get_default(root):
            yield from _words(option, value)


def _words(option: click.Option, value: Json) -> Iterator[str]:
    name = max(option.opts, key=len)
    if getattr(option, "is_flag", False):
        yield name
        return
    for item in value if option.multiple else (value,):
        yield from (name, *map(str, item if isinstance(item, (tuple, list)) else (item,)))


def _group_words(context: click.Context | None) -> Iterator[str]:
    if context is None:
        return
    given = getattr(context.obj, "windmill", None)
    for name in _GROUP:
        before = getattr(given, name.removeprefix("windmill_"), None)
        value = context.params.get(name) or before
        if value:
            yield from (f"--{name.replace('_', '-')}", str(value))
