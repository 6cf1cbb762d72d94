from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.errors import RetryNotAllowed, TaskError, WorkflowTimeout
from metaflow_windmill.runtime.output.failure import Failure, TracebackLine, describe, ended_badly, exception

if TYPE_CHECKING:
    from pathlib import Path

LIBRARY = "/cache/abcd/.mf_code/metaflow"


class MuteError(Exception):
    def __str__(self) -> str:
        raise KeyError("nothing to say")


def made(error: type[Exception], *frames: tuple[str, int, str]) -> BaseException:
    """An exception that came through the given lines."""
    failure = Failure("any", "", tuple(TracebackLine(*frame) for frame in frames))
    return error("why").with_traceback(exception(failure).__traceback__)


def test_an_exception_comes_back_as_what_it_was(tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    file.write_text("\n\n    self.model.fit()\n")
    failure = Failure(
        "FitError",
        "no fit: é",
        (TracebackLine(str(file), 3, "train"), TracebackLine("/gone.py", 70_000, "fit")),
    )
    assert Failure.from_json(failure.to_json()) == failure
    error = exception(failure)
    assert (type(error).__name__, str(error), vars(error)) == ("FitError", "no fit: é", {})
    with pytest.raises(Exception, match="no fit") as caught:
        raise error
    shown = "".join(traceback.format_tb(caught.value.__traceback__))
    assert f'File "{file}", line 3, in train\n    self.model.fit()' in shown
    assert 'File "/gone.py", line 70000, in fit' in shown


def test_what_leads_to_the_users_code_is_left_out() -> None:
    error = made(
        ValueError,
        ("/cache/abcd/flow.py", 90, "<module>"),
        (f"{LIBRARY}/cli.py", 5, "main"),
        (f"{LIBRARY}/task.py", 7, "run_step"),
        (f"{LIBRARY}/plugins/parallel_decorator.py", 8, "step"),
        ("/cache/abcd/flow.py", 12, "train"),
        (f"{LIBRARY}/flowspec.py", 9, "next"),
    )
    told = describe(error, LIBRARY)
    assert (told.name, told.message) == ("ValueError", "why")
    assert [frame.function for frame in told.frames] == ["train", "next"]


def test_where_nothing_is_of_the_user_all_is_kept() -> None:
    error = made(ValueError, (f"{LIBRARY}/cli.py", 5, "main"), (f"{LIBRARY}/task.py", 7, "_init_data"))
    assert [frame.function for frame in describe(error, LIBRARY).frames] == ["main", "_init_data"]


def test_a_traceback_without_metaflow_is_kept_from_the_flow_file_on() -> None:
    error = made(ImportError, ("<frozen runpy>", 1, "run"), ("/cache/abcd/flow.py", 1, "<module>"))
    assert [frame.function for frame in describe(error, LIBRARY).frames] == ["<module>"]


def test_stays_small_and_always_has_words() -> None:
    told = describe(ValueError("x" * 50_000), LIBRARY)
    assert told.message.endswith("... (cut; the log has all of it)")
    assert len(told.message) < 21_000
    assert describe(MuteError(), LIBRARY).message == "(its message cannot be shown: KeyError)"
    deep = made(RecursionError, *[("/cache/abcd/flow.py", 1, f"f{depth}") for depth in range(300)])
    assert [frame.function for frame in describe(deep, LIBRARY).frames] == [
        f"f{depth}" for depth in range(200, 300)
    ]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "exit status 0"),
        (3, "exit status 3"),
        (-9, "more memory"),
        (-11, "a segmentation fault, SIGSEGV"),
        (-99, "signal 99"),
    ],
)
def test_an_end_without_an_exception_has_its_own_words(status: int, words: str) -> None:
    error = ended_badly(status, "train")
    assert type(error) is TaskError
    assert words in str(error)
    assert "'train'" in str(error)


def test_metaflows_word_against_retries_is_kept() -> None:
    assert type(ended_badly(202, "train")) is RetryNotAllowed


@pytest.mark.parametrize(
    ("raised", "final"),
    [
        (RetryNotAllowed("no"), {"final": True}),
        (WorkflowTimeout("late"), {"final": True}),
        (TaskError("no"), {}),
        (type("RetryNotAllowed", (Exception,), {"final": True})("the user's"), {}),
    ],
)
def test_only_this_projects_word_against_another_attempt_counts(
    raised: Exception, final: dict[str, bool]
) -> None:
    """Whatever a user calls a class, and whatever it holds."""
    told = Failure.from_json(json.loads(json.dumps(describe(raised, "/metaflow").to_json())))
    assert told.name == type(raised).__name__
    assert vars(exception(told)) == final
