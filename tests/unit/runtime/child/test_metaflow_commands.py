from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tests.support.tasks import MemoryTasks, task

from metaflow_windmill.runtime.child.metaflow_commands import Attempt, keep_note
from metaflow_windmill.runtime.child.workplace import Workplace

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from metaflow_windmill.runtime.output.log_streams import LogStream
    from metaflow_windmill.runtime.position.tasks import Tasks
    from metaflow_windmill.types import Json

OUTCOME = {"branch": None, "splits": 3}


class FullTasks(MemoryTasks):
    """Of a datastore that takes nothing."""

    def keep_note(self, task: str, attempt: int, note: Json) -> None:
        raise OSError(28, f"No space left on device: {task}, {attempt}, {note['job']}")


def attempt(tasks: MemoryTasks, directory: Path) -> Attempt:
    place = Workplace(*(directory / name for name in ("work", "outcome", "failure", "stdout", "stderr")))
    silent = cast("tuple[LogStream, LogStream]", ())
    return Attempt(task(), cast("Tasks", tasks), 1, directory, place, silent)


def test_a_job_that_runs_the_task_again_finds_the_outcome(tmp_path: Path) -> None:
    tasks = MemoryTasks()
    keep_note(attempt(tasks, tmp_path), OUTCOME)
    assert tasks.note("here/t", 1)["outcome"] == OUTCOME


def test_a_task_that_has_run_does_not_fail_for_its_note(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    keep_note(attempt(FullTasks(), tmp_path), OUTCOME)
    assert "will not know that it ended (OSError: [Errno 28] No space left" in capfd.readouterr().out
