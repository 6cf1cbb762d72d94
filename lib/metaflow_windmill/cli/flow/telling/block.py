"""The live block of a run on a terminal: a bar a step, redrawn; what tasks print scrolls by above it."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from metaflow_windmill.cli.flow.telling.screen import head_of
from metaflow_windmill.cli.flow.telling.teller import COLOURS, begun, clock_time, ended
from metaflow_windmill.client.models import JobState
from metaflow_windmill.terminal.paste import pasted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

    from metaflow_windmill.cli.flow.telling.asking import Asked
    from metaflow_windmill.cli.flow.telling.output import LogLine
    from metaflow_windmill.cli.flow.telling.progress import Progress, Splits, StepRow
    from metaflow_windmill.client.models import Job
    from metaflow_windmill.runs.watch import TaskEvent

WIDE, NARROW = 100, 60
"""Columns from which the bars are long, and below which there are none."""
WITH_RUN = 132
"""Columns from which each line of a task has the run's id: it takes 46, and stands in the block."""
AROUND = 3
"""Lines of a terminal that are not for steps: the run's own, what is left out, the cursor's."""
IDLE = 5.0
"""Seconds without a task that runs, after which that is said."""


def console_for_blocks() -> Console:
    """Return the terminal. The cursor is never hidden, so that nothing has to be mended if we are killed."""
    from rich.console import Console

    class Whole(Console):
        def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002 (rich's)
            return False

    return Whole(highlight=False, markup=False, emoji=False)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back for a moment: what is interrupted while it is written, rich would write again."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        signal.raise_signal(signal.SIGINT)


class Block:
    """Shows a run by a block.

    Parameters
    ----------
    progress : Progress
    splits : Splits
    title : str
        The run's pathspec.
    run : str
        The run's id.
    console : Console or None
        The terminal if not given.
    """

    def __init__(
        self, progress: Progress, splits: Splits, title: str, run: str, console: Console | None = None
    ) -> None:
        from rich.live import Live

        self._progress, self._splits, self._title, self._run = progress, splits, title, run
        self._console = console or console_for_blocks()
        self._began = self._busy = time.monotonic()
        self._state = JobState.PENDING
        self._rows: tuple[StepRow, ...] = progress.rows()
        self._ended: float | None = None
        self._new = False
        self._lines: list[Text] = []
        self._asked: tuple[Asked, ...] = ()
        self._live = Live(console=self._console, get_renderable=self._drawn, vertical_overflow="crop")

    def begin(self) -> None:
        """Draw the block for the first time."""
        self._live.start()

    def end(self) -> None:
        """Leave the block as it was last, and the cursor below it."""
        self._flush()
        self._ended = time.monotonic()
        self._live.stop()

    def event(self, event: TaskEvent) -> None:
        """Take in that a task began or ended; leave a line behind of what went wrong."""
        self._flush()
        self._new, self._busy = True, time.monotonic()
        self._progress.take(event)
        if event.ended:
            self._splits.took(event.task)
        self._tell(event)

    def asks(self, asked: Sequence[Asked]) -> None:
        """Take in what the run asks people; leave a line of each, with the command that answers."""
        from rich.text import Text

        self._flush()
        with uninterrupted():
            for each in asked:
                if each not in self._asked:
                    text = f"{clock_time(None)}  {pasted(each.text)}"
                    self._console.print(Text(text, "yellow"), soft_wrap=True)
        self._asked = tuple(asked)

    def looked(self, run: Job) -> bool:
        """Draw the block anew."""
        self._flush()
        new, self._new = self._new, False
        self._splits.told(self._progress)
        self._state = run.state
        self._rows = self._progress.rows()  # whole and frozen, since another thread draws
        if any(row.running for row in self._rows):
            self._busy = time.monotonic()
        with uninterrupted():
            self._live.refresh()
        return new

    def line(self, line: LogLine) -> None:
        """Show a line of a task above the block: with its colours, but nothing that moves the cursor."""
        from rich.text import Text

        stamp, head = head_of(line, self._run if self._console.width >= WITH_RUN else None)
        text = Text.assemble((stamp, "magenta"), (head, "green"))
        self._lines.append(text.append_text(Text.from_ansi(line.text.rstrip())))

    def _flush(self) -> None:
        """Print the lines that have come: together, since each time the block is drawn anew."""
        from rich.text import Text

        if self._lines:
            with uninterrupted():
                self._console.print(Text("\n").join(self._lines), soft_wrap=True)
                self._lines.clear()

    def _tell(self, event: TaskEvent) -> None:
        """Leave a line of what went wrong: the block shows it as a number only."""
        from rich.text import Text

        state = event.task.job.state
        if event.ended and state in (JobState.FAILED, JobState.CANCELED):
            text, style = ended(event), COLOURS[state]
        elif event.task.attempt and not event.ended:
            text, style = begun(event), ""
        else:
            return
        with uninterrupted():
            self._console.print(Text(f"{clock_time(event.at)}  {text}", style), soft_wrap=True)

    def _drawn(self) -> RenderableType:
        """Return the block as it is now."""
        from rich.console import Group

        now = self._ended or time.monotonic()
        shown, left = fitting(self._rows, max(3, self._console.height - AROUND))
        parts: list[RenderableType] = [_table(shown, self._console.width, now)] if shown else []
        if left:
            parts.append(_cut(f"  and {len(left)} more steps: {_summed(left)}", "dim"))
        return Group(*parts, self._footer(now))

    def _footer(self, now: float) -> Text:
        words = [self._title, spoken(now - self._began)]
        if self._state.final:
            words.insert(1, self._state.value.lower())
        elif self._asked:
            more = len(self._asked) - 1
            words += [self._asked[0].short + (f" and in {more} more places" if more else "")]
        elif now - self._busy > IDLE:
            words += ["no task is running"]
        return _cut("  ".join(words), "bold")


def fitting(rows: Sequence[StepRow], most: int) -> tuple[list[StepRow], list[StepRow]]:
    """Return the steps that there is room for, in their order, and the others.

    What runs or failed comes first, then what ended last, then what is next.
    """
    if len(rows) <= most:
        return list(rows), []
    begun_last = max((place for place, row in enumerate(rows) if row.begun), default=0)

    def weight(place: int) -> tuple[bool, int]:
        row = rows[place]
        return (not (row.running or row.failed), abs(place - begun_last))

    kept = set(sorted(range(len(rows)), key=weight)[:most])
    return (
        [row for place, row in enumerate(rows) if place in kept],
        [row for place, row in enumerate(rows) if place not in kept],
    )


def spoken(seconds: float) -> str:
    """Return a duration that ticks by the second."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _summed(rows: Sequence[StepRow]) -> str:
    begun_ones = sum(row.begun for row in rows)
    told = {"begun": begun_ones, "to come": len(rows) - begun_ones}
    return ", ".join(f"{number} {word}" for word, number in told.items() if number)


def _table(rows: Sequence[StepRow], width: int, now: float) -> Table:
    """Return the steps, each in one line whatever the width is: of what does not fit the end is cut."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=max(8, width // 3))
    if width >= NARROW:
        table.add_column(no_wrap=True, width=24 if width >= WIDE else 12)
    table.add_column(no_wrap=True, overflow="ellipsis")
    if width >= NARROW:
        table.add_column(no_wrap=True, overflow="ellipsis", style="dim", max_width=width // 4)
        table.add_column(no_wrap=True, justify="right", style="dim")
    for row in rows:
        table.add_row(*_cells(row, width, now))
    return table


def _cells(row: StepRow, width: int, now: float) -> Iterator[RenderableType]:
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    style = "red" if row.failed else "yellow" if row.stopped else ""
    yield Text(row.step, style or ("" if row.begun else "dim"))
    if width >= NARROW:
        well = row.done + row.cloned
        total = row.total or max(1, well + row.failed + row.stopped + row.running)
        yield ProgressBar(total, min(well, total), finished_style="green", complete_style=style or "cyan")
    yield Text(row.counts(), style or ("" if row.begun else "dim"))
    if width >= NARROW:
        yield Text(_running(row))
        seconds = row.elapsed(now)
        yield Text("" if seconds is None else spoken(seconds))


def _running(row: StepRow) -> str:
    """Return what of a step runs now; nothing where the counts say it already."""
    if row.total == 1 or not row.running:
        return ""
    more = row.running - len(row.names)
    named = ", ".join(row.names)
    if not named:
        return f"{row.running} running"
    return f"{named} and {more} more" if more else named


def _cut(text: str, style: str) -> Text:
    from rich.text import Text

    return Text(text, style, no_wrap=True, overflow="ellipsis")
