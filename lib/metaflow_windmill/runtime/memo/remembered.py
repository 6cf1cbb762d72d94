"""What an attempt knows of earlier successes. Trouble here never keeps a task from running."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.runtime.child.metaflow_commands import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from metaflow_windmill.runtime.child.metaflow_commands import Attempt
    from metaflow_windmill.runtime.memo.lookup import MemoPlan
    from metaflow_windmill.runtime.resumed.origin_run import Clone


@dataclass
class Remembered:
    """The plan of an attempt, where it has one, and what to clone instead of running it."""

    plan: MemoPlan | None = None
    clone: Clone | None = None

    def keep(self, attempt: int) -> None:
        """Let later runs take an attempt that ended well."""
        with _trouble("No later run will take this task over"):
            if self.plan:
                self.plan.keep(attempt)


def remembered(attempt: Attempt, inputs: Sequence[str], *, anew: bool) -> Remembered:
    """Look for an earlier success that may stand for a task.

    Parameters
    ----------
    attempt : Attempt
    inputs : sequence of str
        The tasks that it reads: ``run/step/task``.
    anew : bool
        Whether a person asked for the step to run in any case.
    """
    found = Remembered()
    if attempt.task.spec.memo is None:
        return found
    from metaflow_windmill.runtime.memo.lookup import plan  # which no other task needs

    with _trouble("This task was not compared with earlier ones"):
        found.plan = plan(attempt.task, inputs, attempt.tasks)
        if found.plan:
            found.clone = None if anew else found.plan.find()
            found.plan.tell(attempt.number, found.clone.origin if found.clone else None, anew=anew)
    return found


@contextmanager
def _trouble(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as why:  # noqa: BLE001 (whatever the datastore says, the task itself can run)
        say(f"{what} ({type(why).__name__}: {why}).")
