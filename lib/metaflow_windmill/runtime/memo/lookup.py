"""What an attempt of a task does about earlier successes: look for one, else leave its own for later runs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.runtime.memo.key import NOT_COUNTED, key_of, parts_of
from metaflow_windmill.runtime.memo.plain import are_plain
from metaflow_windmill.runtime.memo.success_store import Success, find, keep, last, succeeded, usable
from metaflow_windmill.runtime.resumed.origin_run import Clone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow_windmill.contract.memo import Memo
    from metaflow_windmill.runtime.position.identity import Task
    from metaflow_windmill.runtime.position.tasks import Tasks


@dataclass(frozen=True)
class MemoPlan:
    """The key of a task, where successes are kept by it, and why all of the package counts, if it does."""

    task: Task
    memo: Memo
    tasks: Tasks
    parts: dict[str, str]
    why_whole: str = ""

    @property
    def key(self) -> str:
        """The digest of all parts."""
        return key_of(self.parts)

    def find(self) -> Clone | None:
        """Return what to clone instead of running the task, if anything."""
        of_run, expires = self.tasks.of_run, self.memo.expires
        found = find(
            self.tasks, self.task.record, self.key, lambda one: usable(one, of_run(one.run)), expires
        )
        return Clone(found.origin, self.task.id) if found else None

    def tell(self, attempt: int, origin: str | None = None, *, anew: bool = False) -> None:
        """Keep beside the task what its key was made of, and what it was cloned from or is compared with."""
        before = None if origin else last(self.tasks, self.task.record, self.task.name)
        told = {
            "key": self.key,
            "parts": self.parts,
            "why_whole": self.why_whole,
            "cloned": origin,
            "before": before.origin if before else None,
            "anew": anew,
            "expires": self.memo.expires,
        }
        self.tasks.keep_parts(self.task.name, attempt, told)

    def keep(self, attempt: int) -> None:
        """Let later runs take the task, if its step's own code ended well."""
        if succeeded(self.tasks, self.task.name):
            success = Success(f"{self.task.run}/{self.task.name}", attempt, time.time())
            keep(self.tasks, self.task.record, self.key, success)


def plan(task: Task, inputs: Sequence[str], tasks: Tasks) -> MemoPlan | None:
    """Return the plan of a task; None where no earlier success may stand for it.

    A gang and an unbounded foreach are run each time: their tasks start one another.
    """
    memo = task.spec.memo
    if memo is None or task.controls or task.node is not None:
        return None
    names = [path.partition("/")[2] for path in inputs]
    read = list(zip((name.partition("/")[0] for name in names), tasks.contents(names), strict=True))
    held = [content for _, found in read for name, content in found.items() if name not in NOT_COUNTED]
    whole = memo.code != memo.package and not are_plain(held, tasks)
    why = f"{memo.why_whole}" or ("an input may hold an object of the flow's own code" if whole else "")
    return MemoPlan(task, memo, tasks, parts_of(task, memo, read, whole=whole), why)
