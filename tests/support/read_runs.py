"""Print runs as Metaflow's client sees them, as JSON: run as a script, in the runs' own environment.

A process of its own, because Metaflow reads its configuration once, when it is imported.
"""

from __future__ import annotations

import json
import sys
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaflow import Run, Task

# What Metaflow itself keeps with a task and must not depend on where the task ran.
_INTERNAL = (
    "_foreach_stack",
    "_iteration_stack",
    "_foreach_num_splits",
    "_foreach_var",
    "_transition",
    "_task_ok",
)


def main(pathspecs: list[str]) -> None:
    from metaflow import Run, namespace

    namespace(None)
    json.dump([_run(Run(pathspec)) for pathspec in pathspecs], sys.stdout)


def _run(run: Run) -> dict[str, Any]:
    tasks = list(chain.from_iterable(run))
    places = {task.pathspec: _place(task) for task in tasks}
    return {
        "finished": run.finished,
        "successful": run.successful,
        "tasks": [_task(t, places) for t in tasks],
    }


def _place(task: Task) -> list[Any]:
    """Return where the task stands: its step, its foreach indices, its turn."""
    stack = task["_foreach_stack"].data if "_foreach_stack" in task else []
    turns = task["_iteration_stack"].data if "_iteration_stack" in task else []
    # The control task of an unbounded foreach has no index.
    indices = [-1 if frame.index is None else frame.index for frame in stack or []]
    return [task.parent.id, indices, list(turns or [])]


def _task(task: Task, places: dict[str, list[Any]]) -> dict[str, Any]:
    kept = [task[name] for name in _INTERNAL if name in task]
    return {
        "id": task.id,
        "place": places[task.pathspec],
        "parents": sorted(places[pathspec] for pathspec in task.parent_task_pathspecs),
        "job": task.metadata_dict.get("windmill-job-id"),
        "attempt": task.current_attempt,
        "successful": task.successful,
        "exception": _exception(task),
        "artifacts": {artifact.id: repr(artifact.data) for artifact in chain(task, kept)},
    }


def _exception(task: Task) -> str | None:
    why = task.exception
    return None if why is None else f"{getattr(why, 'type', type(why).__name__)}: {why.exception}"


if __name__ == "__main__":
    main(sys.argv[1:])
