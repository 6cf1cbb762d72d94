"""The block on terminals of many sizes: a line a step, whatever the width, and nothing that breaks it."""

from __future__ import annotations

import io
import signal
from typing import TYPE_CHECKING

import pyte
import pytest
from tests.support.answering import Answering
from tests.unit.cli.telling.test_progress import PLAN, begin, event

from metaflow_windmill.cli.flow.telling.asking import Asked
from metaflow_windmill.cli.flow.telling.block import Block, fitting, spoken
from metaflow_windmill.cli.flow.telling.output import LogLine
from metaflow_windmill.cli.flow.telling.progress import Progress, Splits, StepRow
from metaflow_windmill.client.models import Job, JobState
from metaflow_windmill.runs.expected_tasks import Planned

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

RUN = Job("1", JobState.RUNNING, "")


class Shown:
    """A block on a terminal of so many columns and lines."""

    def __init__(
        self, columns: int, lines: int = 24, plan: dict[str, Planned] | None = None, *, no_color: bool = False
    ) -> None:
        from rich.console import Console

        self.raw = io.StringIO()
        terminal = Console(
            file=self.raw,
            force_terminal=True,
            width=columns,
            height=lines,
            markup=False,
            highlight=False,
            color_system="standard",
            no_color=no_color,
        )
        self.screen = pyte.Screen(columns, lines)
        self.progress = Progress(plan or PLAN)
        splits = Splits(Answering({}).windmill, frozenset())
        self.block = Block(self.progress, splits, "Hello/windmill-1", "windmill-1", terminal)

    def text(self) -> list[str]:
        """Return what the terminal shows."""
        pyte.Stream(self.screen).feed(self.raw.getvalue().replace("\n", "\r\n"))
        self.raw.truncate(self.raw.seek(0))
        return [line.rstrip() for line in self.screen.display if line.strip()]


def works(shown: Shown) -> None:
    """Run a foreach of thirty up to its middle."""
    shown.progress.expect("start", 30)
    for happened in (begin("start/t"), event("start/t", JobState.SUCCEEDED)):
        shown.block.event(happened)
    for number in range(16):
        shown.block.event(begin(f"work/t-{number}", job=f"{number}"))
    for number in range(12):
        shown.block.event(event(f"work/t-{number}", JobState.SUCCEEDED, job=f"{number}"))


@pytest.mark.parametrize("columns", [200, 120, 80, 59, 40, 20])
def test_a_step_is_one_line_at_any_width(columns: int) -> None:
    shown = Shown(columns)
    shown.block.begin()
    works(shown)
    shown.block.looked(RUN)
    shown.block.end()
    lines = shown.text()
    assert len(lines) == 4
    assert [line.split()[0] for line in lines[:3]] == ["start", "work", "maybe"]
    assert all(len(line) <= columns for line in lines)
    assert "12 of 30" in lines[1] or columns < 30
    assert ("━" in lines[1]) is (columns >= 60)
    assert ("t-12, t-13, t-14 and 1 more" in lines[1]) is (columns >= 120)
    assert lines[3].startswith("Hello/windmill-1")


def test_what_tasks_print_goes_above_the_block_and_cannot_break_it() -> None:
    shown = Shown(80)
    shown.block.begin()
    works(shown)
    for text in ("\x1b[31mred\x1b[0m", "10%\r20%", "\x1b[2J\x1b[5Agone", "[bold]as it is[/bold] :smile:"):
        shown.block.line(LogLine("work/t-0", 0, text, own=True))
    shown.block.looked(RUN)
    lines = shown.text()
    assert [line.partition("] ")[2] for line in lines[:4]] == [
        "red",
        "20%",
        "gone",
        "[bold]as it is[/bold] :smile:",
    ]
    assert lines[0].endswith("[work/t-0] red")
    assert [line.split()[0] for line in lines[4:]] == ["start", "work", "maybe", "Hello/windmill-1"]
    shown.block.event(event("work/t-13", JobState.FAILED, job="13"))
    shown.block.event(begin("work/t-13", attempt=1, job="again"))
    shown.block.looked(RUN)
    shown.block.end()
    later = shown.text()
    assert [line.partition("  ")[2] for line in later[4:6]] == [
        "work/t-13 failed",
        "work/t-13 started (attempt 2)",
    ]
    assert "12 of 30, 1 retried" in later[7]
    assert len(later) == 10


def interrupted(_number: int, _frame: FrameType | None) -> None:
    """As a program does that has a handler of its own; Metaflow's Deployer leaves one behind."""
    raise Interrupted


class Interrupted(BaseException):
    """What a program's own handler raises."""


@pytest.mark.parametrize(
    ("handler", "raised"), [(signal.default_int_handler, KeyboardInterrupt), (interrupted, Interrupted)]
)
def test_lines_whose_printing_is_interrupted_are_not_printed_twice(
    handler: Callable[[int, FrameType | None], None],
    raised: type[BaseException],
    request: pytest.FixtureRequest,
) -> None:
    before = signal.signal(signal.SIGINT, handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))

    class Interrupting(io.StringIO):
        def write(self, text: str) -> int:
            written = super().write(text)
            if "hi there" in text and self.getvalue().count("hi there") == 1:
                signal.raise_signal(signal.SIGINT)
            return written

    shown = Shown(80)
    shown.block.begin()
    shown.raw = shown.block._console.file = Interrupting()
    shown.block.line(LogLine("work/t-0", 0, "hi there", own=True))
    with pytest.raises(raised):
        shown.block.looked(RUN)
    shown.block.end()
    assert shown.raw.getvalue().count("hi there") == 1


def test_a_line_has_the_runs_id_where_there_is_room() -> None:
    for columns, head in ((140, "[windmill-1/work/t-0] hi"), (100, "[work/t-0] hi")):
        shown = Shown(columns)
        shown.block.begin()
        shown.block.line(LogLine("work/t-0", 0, "hi", own=True))
        shown.block.end()
        assert shown.text()[0].endswith(f" {head}")


def test_the_cursor_is_never_hidden_so_a_killed_command_leaves_nothing_to_mend() -> None:
    from metaflow_windmill.cli.flow.telling.block import console_for_blocks

    shown = Shown(80)
    console = console_for_blocks()
    console.file, console._force_terminal = shown.raw, True
    block = Block(
        shown.progress, Splits(Answering({}).windmill, frozenset()), "Hello/1", "windmill-1", console
    )
    block.begin()
    block.looked(RUN)
    block.end()
    assert "\x1b[?25l" not in shown.raw.getvalue()


def test_without_colours_the_block_is_redrawn_all_the_same() -> None:
    shown = Shown(80, no_color=True)
    shown.block.begin()
    works(shown)
    shown.block.looked(RUN)
    shown.block.end()
    assert "\x1b[3" not in shown.raw.getvalue()
    assert len(shown.text()) == 4


def test_a_flow_of_more_steps_than_lines_shows_what_matters() -> None:
    plan = {f"s{number}": Planned() for number in range(40)}
    shown = Shown(80, 12, plan)
    shown.block.begin()
    for number in range(20):
        shown.block.event(begin(f"s{number}/t"))
        if number != 3:
            shown.block.event(event(f"s{number}/t", JobState.SUCCEEDED))
    shown.block.looked(RUN)
    lines = shown.text()
    shown.block.end()
    assert [line.split()[0] for line in lines[:9]] == ["s3", *(f"s{number}" for number in range(15, 23))]
    assert lines[9].strip() == "and 31 more steps: 14 begun, 17 to come"
    assert len(lines) == 11


def test_all_steps_are_shown_where_they_fit() -> None:
    rows = [StepRow(f"s{number}") for number in range(3)]
    assert fitting(rows, 3) == (rows, [])


def test_the_end_says_how_it_ended() -> None:
    shown = Shown(80)
    shown.block.begin()
    works(shown)
    shown.block.looked(Job("1", JobState.FAILED, ""))
    shown.block.end()
    assert shown.text()[-1].startswith("Hello/windmill-1  failed  0 s")


def test_durations() -> None:
    assert [spoken(seconds) for seconds in (0.9, 61, 3 * 3600 + 62)] == ["0 s", "1 min 01 s", "3 h 01 min"]


def test_the_block_says_whom_it_waits_for_and_leaves_the_command() -> None:
    shown = Shown(100)
    shown.block.begin()
    works(shown)
    asked = Asked("waits for a person before work/t-0 until 15:30", "waits for you. Answer by `approve x`.")
    for _ in range(2):
        shown.block.asks([asked])
        shown.block.looked(RUN)
    first, *_, last = shown.text()
    assert first.endswith("waits for you. Answer by `approve x`.")
    assert last.endswith("waits for a person before work/t-0 until 15:30")
    shown.block.asks([asked, Asked("x", "another")])
    shown.block.looked(RUN)
    assert shown.text()[-1].endswith("before work/t-0 until 15:30 and in 1 more places")
    shown.block.asks([])
    shown.block.looked(RUN)
    shown.block.end()
    lines = shown.text()
    assert "waits for a person" not in lines[-1]
    assert len([line for line in lines if "waits for you" in line]) == 1
