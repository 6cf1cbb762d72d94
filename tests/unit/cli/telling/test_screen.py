"""Where a run is shown: on what a block can be redrawn, and how lines of tasks look elsewhere."""

from __future__ import annotations

import io
import os
import pty
import re
from contextlib import contextmanager
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING

import pytest

from metaflow_windmill.cli.flow.telling.asking import Asked
from metaflow_windmill.cli.flow.telling.output import LogLine
from metaflow_windmill.cli.flow.telling.screen import Lines, is_redrawn
from metaflow_windmill.client.models import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Iterator

LOUD = SimpleNamespace(is_quiet=False)


@contextmanager
def terminal() -> Iterator[IO[str]]:
    parent, child = pty.openpty()
    with os.fdopen(parent), os.fdopen(child, "w") as stream:
        yield stream


@pytest.mark.parametrize(
    ("environment", "redrawn"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_a_block_needs_a_terminal_that_can(environment: dict[str, str], redrawn: bool) -> None:
    with terminal() as stream:
        assert is_redrawn(stream, stream, environment) is redrawn
        for one, other in ((stream, io.StringIO()), (io.StringIO(), stream)):
            assert not is_redrawn(one, other, environment)


def test_lines_of_tasks_look_as_with_metaflows_run(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Lines(LOUD, "windmill-1")
    screen.line(LogLine("work/t-1", 0, "hello  ", own=True))
    screen.line(LogLine("work/t-1", 1, "", own=True))
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \[windmill-1/work/t-1\] hello", first)
    assert second.endswith("[windmill-1/work/t-1 (attempt 2)] ")


def test_a_question_is_told_once_for_as_long_as_it_waits(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Lines(LOUD, "windmill-1")
    first, second = Asked("waits", "waits for a person before a/t."), Asked("waits", "waits before b/t.")
    for asked in ((first,), (first, second), (second,), (), (second,)):
        screen.asks(asked)
    told = [line.partition("  ")[2] for line in capsys.readouterr().err.splitlines()]
    assert [line.strip() for line in told] == [first.text, second.text, second.text]


def test_nothing_new_is_nothing_told() -> None:
    screen = Lines(LOUD, "windmill-1")
    assert not screen.looked(Job("run", JobState.RUNNING, ""))
