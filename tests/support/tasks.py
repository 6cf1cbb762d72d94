"""Tasks of a run kept in memory, and the tasks that unit tests of the runtime speak of."""

from __future__ import annotations

import ast
import pickle
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from metaflow_windmill.contract.record import PackageInfo, Record, StoreInfo
from metaflow_windmill.contract.task_spec import Input, ParentStep, TaskSpec
from metaflow_windmill.runtime.position.current_job import CurrentJob
from metaflow_windmill.runtime.position.identity import Task
from metaflow_windmill.runtime.position.tasks import StoredArtifact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from metaflow_windmill.contract.task_spec import At
    from metaflow_windmill.runtime.position.task_ids import Position
    from metaflow_windmill.types import Json

STORE = StoreInfo("local", "/data/.metaflow")
PACKAGE = PackageInfo("/data/.metaflow/Flow/data/ab/abcd", "abcd", "{}", "flow.py")
RECORD = Record("Flow", "tester", "token", PACKAGE, STORE, STORE)
RUN = "windmill-r"


@dataclass
class MemoryTasks:
    """Tasks by their names, each with its attempts; `asked` counts the look-ups."""

    begun: set[str] = field(default_factory=set)
    artifacts: dict[tuple[str, str], Json] = field(default_factory=dict)
    notes: dict[tuple[str, int], Json] = field(default_factory=dict)
    asked: int = 0
    others: dict[str, MemoryTasks] = field(default_factory=dict)
    things: dict[str, Json] = field(default_factory=dict)
    shelf: dict[str, Json] = field(default_factory=dict)
    torn: set[str] = field(default_factory=set)
    times: dict[tuple[str, int], float] = field(default_factory=dict)
    marks: dict[tuple[str, int], Json] = field(default_factory=dict)

    def exist(self, tasks: Sequence[str]) -> list[bool]:
        self.asked += 1
        return [task in self.begun for task in tasks]

    def attempts(self, task: str) -> list[int]:
        return [0] if task in self.begun else []

    def is_done(self, task: str) -> bool:
        return task in self.begun

    def note(self, task: str, attempt: int) -> Json:
        return self.notes.get((task, attempt))

    def keep_note(self, task: str, attempt: int, note: Json) -> None:
        self.notes[task, attempt] = note

    def begun_at(self, task: str, attempt: int) -> float | None:
        return self.times.get((task, attempt))

    def mark(self, task: str, attempt: int) -> Json:
        return self.marks.get((task, attempt))

    def keep_mark(self, task: str, attempt: int, mark: Json) -> None:
        self.marks[task, attempt] = mark

    def artifact(self, task: str, name: str) -> Json:
        return self.artifacts[task, name]

    def of_run(self, run: str) -> MemoryTasks:
        return self.others[run]

    def succeeded(self, task: str) -> dict[str, Json] | None:
        found = {name: value for (owner, name), value in self.artifacts.items() if owner == task}
        return found if found.get("_task_ok") else None

    def all_succeeded(self, *steps: str) -> Iterator[tuple[str, dict[str, Json]]]:
        for task in dict.fromkeys(task for task, _ in self.artifacts):
            found = self.succeeded(task)
            if found and (not steps or task.partition("/")[0] in steps):
                yield task, found

    def contents(self, tasks: Sequence[str]) -> list[dict[str, StoredArtifact]]:
        held = [self.succeeded(task) or {} for task in tasks]
        return [
            {name: StoredArtifact(repr(value), str(type(value)), "pickle-v4") for name, value in one.items()}
            for one in held
        ]

    def blobs(self, shas: Iterable[str]) -> Iterator[bytes]:
        return (pickle.dumps(ast.literal_eval(sha)) for sha in shas)

    def is_whole(self, task: str) -> bool:
        return task not in self.torn

    def keep_parts(self, task: str, attempt: int, parts: Json) -> None:
        self.things[f"{task}/{attempt}"] = parts

    def share(self, name: str, content: Json) -> None:
        self.shelf[name] = content

    def shared(self, name: str) -> Json:
        return self.shelf.get(name)

    def keep(self, name: str, content: Json) -> None:
        self.things[name] = content

    def kept(self, name: str) -> Json:
        return self.things.get(name)

    def ended_well(self, task: str, **artifacts: Json) -> None:
        """Add a task that succeeded."""
        self.begun.add(task)
        values = {"_foreach_stack": [], "_iteration_stack": [], **artifacts, "_task_ok": True}
        self.artifacts |= {(task, name): value for name, value in values.items()}


def source(name: str) -> ParentStep:
    """A candidate; ``again:step`` is one that returns to itself."""
    return ParentStep(name.removeprefix("again:"), recursive=name.startswith("again:"))


def reads(*candidates: str, at: At = "same") -> Input:
    """One input of a step."""
    return Input(tuple(map(source, candidates)), at)


def task(
    *inputs: Input, levels: Sequence[tuple[str, int]] = (), record: Record = RECORD, **more: Json
) -> Task:
    """A task of a step called ``here``."""
    position = cast("Position", tuple(levels))
    spec = TaskSpec("here", levels=tuple(kind for kind, _ in position), inputs=inputs, **more)
    return Task(spec, record, CurrentJob(run="r"), RUN, position)


def record(**more: Json) -> Record:
    """A record that differs from the plain one."""
    return replace(RECORD, **more)
