"""Where a run is shown while it is followed: as lines, or on a terminal as a block that is redrawn."""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from metaflow._vendor import click

from metaflow_windmill.cli.flow.telling.teller import Teller, clock_time
from metaflow_windmill.terminal.speech import colour, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO

    from metaflow_windmill.cli.flow.telling.asking import Asked
    from metaflow_windmill.cli.flow.telling.output import LogLine
    from metaflow_windmill.client.models import Job
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.internals.deploying import CliState
    from metaflow_windmill.runs.watch import TaskEvent
    from metaflow_windmill.types import Json


class Screen(Protocol):
    """Shows a run."""

    def begin(self) -> None:
        """Begin to show it."""

    def end(self) -> None:
        """Leave the terminal whole, with what was shown."""

    def event(self, event: TaskEvent) -> None:
        """Show that a task began or ended."""

    def line(self, line: LogLine) -> None:
        """Show a line that a task wrote."""

    def asks(self, asked: Sequence[Asked]) -> None:
        """Show what the run asks people now."""

    def looked(self, run: Job) -> bool:
        """Show the run as it is after a look; tell whether there was anything new since the look before."""


class Lines:
    """A line a task on stderr, as it begins and as it ends; what tasks print goes to stdout.

    Parameters
    ----------
    obj : CliState
    run : str
        The run's id.
    """

    def __init__(self, obj: CliState, run: str) -> None:
        self._obj, self._run = obj, run
        self._teller = Teller(self._tell)
        self._told = 0
        self._asked: set[Asked] = set()

    def begin(self) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""

    def event(self, event: TaskEvent) -> None:
        """Tell of a task."""
        self._teller.event(event)

    def asks(self, asked: Sequence[Asked]) -> None:
        """Tell once of each question."""
        for each in asked:
            if each not in self._asked:
                self._tell(each.text, None, "yellow")
        self._asked = set(asked)

    def looked(self, run: Job) -> bool:
        """Tell of steps with many tasks, now and then."""
        self._teller.counts(over=run.state.final)
        before, self._told = self._told, self._teller.lines
        return self._told > before

    def line(self, line: LogLine) -> None:
        """Print a line as Metaflow's ``run`` does."""
        stamp, head = head_of(line, self._run)
        styled = click.style(stamp, fg="magenta") + click.style(head, fg="green")
        click.echo(styled + line.text.rstrip(), color=colour())

    def _tell(self, text: str, at: datetime | None, shade: str | None) -> None:
        say(self._obj, f"{clock_time(at)}  {text}", fg=shade)


def head_of(line: LogLine, run: str | None) -> tuple[str, str]:
    """Return what stands before a line of a task, as with Metaflow's ``run``: the time, and whose it is.

    Windmill keeps no time of a line, so it is that of reading it. Where Metaflow has the process's id, which
    means nothing on another machine, stands which attempt it is, if not the first.
    """
    stamp = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return f"{stamp} ", f"[{f'{run}/' if run else ''}{line.task}{line.again}] "


def is_redrawn(out: IO[str], err: IO[str], environment: Mapping[str, str]) -> bool:
    """Tell whether there is a terminal that a block can be redrawn on.

    Both streams have to be one: a pipe may end on the same terminal, in the middle of a block.
    """
    able = environment.get("TERM", "dumb") != "dumb"
    return able and out.isatty() and err.isatty()


def screen_for(obj: CliState, windmill: Windmill, value: Json, title: str, run: str) -> Screen:
    """Return where to show a run.

    Parameters
    ----------
    obj : CliState
    windmill : Windmill
    value : JSON value
        Of the deployed flow.
    title : str
        The run's pathspec.
    run : str
        Its id.
    """
    if obj.is_quiet or not is_redrawn(sys.stdout, sys.stderr, os.environ):
        return Lines(obj, run)
    from metaflow_windmill.cli.flow.telling.block import Block
    from metaflow_windmill.cli.flow.telling.progress import Progress, Splits
    from metaflow_windmill.runs.expected_tasks import plan_of

    progress = Progress(plan_of(value), time.monotonic)
    return Block(progress, Splits(windmill, progress.loops), title, run)
