"""The tasks that a task reads, found by their position."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from metaflow_windmill.errors import RetryNotAllowed, TaskError
from metaflow_windmill.runtime.position.task_ids import PARAMETERS, UNBOUNDED, task_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from metaflow_windmill.contract.task_spec import Input, ParentStep
    from metaflow_windmill.runtime.position.identity import Task
    from metaflow_windmill.runtime.position.task_ids import Position
    from metaflow_windmill.runtime.position.tasks import Tasks

Asked: TypeAlias = "list[tuple[int, int]]"


def input_paths(task: Task, splits: int | None, tasks: Tasks) -> list[str]:
    """Return the pathspecs ``run/step/task`` of a task's inputs, in the order that Metaflow expects.

    Parameters
    ----------
    task : Task
    splits : int or None
        The number of splits that a join of a foreach reads.
    tasks : Tasks
        Asked only where the position does not say it all: which of several candidates ran,
        which turn of a recursion was the last, how large a gang was.

    Raises
    ------
    TaskError
        If no candidate has a task.
    RetryNotAllowed
        If the number of splits is missing.
    """
    if not task.spec.inputs:
        return [f"{task.run}/{PARAMETERS}"]
    if task.turn:
        before = (*task.around, ("turn", task.turn - 1))
        return [f"{task.run}/{task.spec.step}/{task_id(before)}"]
    paths = [path for item in task.spec.inputs for path in _paths(task, item, splits, tasks)]
    return [f"{task.run}/{path}" for path in paths]


def _paths(task: Task, item: Input, splits: int | None, tasks: Tasks) -> Sequence[str]:
    around = task.around
    if item.at == "outer":
        return _find(item.any_of, [around[:-1]], tasks)
    if item.at == "each":
        if not isinstance(splits, int):
            raise RetryNotAllowed(
                f"Windmill gave no number of splits to step {task.spec.step!r}, which joins a foreach. "
                "Deploy the flow again; if it was edited by hand, undo that."
            )
        if splits == UNBOUNDED:
            control = f"{item.any_of[0].step}/{task_id((*around, ('foreach', UNBOUNDED)))}"
            return _started(control, tasks)
        return _find(item.any_of, [(*around, ("foreach", split)) for split in range(splits)], tasks)
    found = _find(item.any_of, [around], tasks)
    return _gang(found[0], tasks) if item.at == "gang" else found


def _gang(control: str, tasks: Tasks) -> list[str]:
    """Return the tasks of a gang, which are fewer than the flow asked for where @catch took over."""
    paths = _started(control, tasks)
    # The control task is the first of them; a cloned one still names those of the run that it comes from.
    return [control + path.removeprefix(paths[0]) for path in paths]


def _started(control: str, tasks: Tasks) -> list[str]:
    """Return the tasks that a control task started, as it names them: ``step/task``."""
    return [path.partition("/")[2] for path in tasks.artifact(control, "_control_mapper_tasks")]


def _find(sources: Sequence[ParentStep], positions: Sequence[Position], tasks: Tasks) -> list[str]:
    """Return ``step/task`` for each position: of the first source that has a task there."""
    if len(sources) == 1 and not sources[0].recursive:
        return [f"{sources[0].step}/{task_id(position)}" for position in positions]
    found: dict[int, str] = {}
    for source in sources:
        open_ones = [index for index in range(len(positions)) if index not in found]
        found |= _at(source, {index: positions[index] for index in open_ones}, tasks)
    missing = next((positions[index] for index in range(len(positions)) if index not in found), None)
    if missing is not None:
        steps = ", ".join(source.step for source in sources)
        raise TaskError(
            f"None of the steps that may come before this one ({steps}) has a task {task_id(missing)}. "
            "Check that this worker sees the same datastore as the others."
        )
    return [found[index] for index in range(len(positions))]


def _at(source: ParentStep, positions: dict[int, Position], tasks: Tasks) -> dict[int, str]:
    """Return the source's tasks at those positions where it has one."""

    def name(index: int, turn: int) -> str:
        position = positions[index]
        return f"{source.step}/{task_id((*position, ('turn', turn)) if source.recursive else position)}"

    def there(asked: Asked) -> list[bool]:
        return tasks.exist([name(index, turn) for index, turn in asked]) if asked else []

    first = there([(index, 0) for index in positions])
    began = [index for index, yes in zip(positions, first, strict=True) if yes]
    turns = last_turns(began, there) if source.recursive else dict.fromkeys(began, 0)
    return {index: name(index, turn) for index, turn in turns.items()}


def last_turns(begun: Sequence[int], there: Callable[[Asked], list[bool]]) -> dict[int, int]:
    """Find the last turn of recursions, by doubling and then by halving, all of them at once.

    Parameters
    ----------
    begun : sequence of int
        The recursions; each has a turn 0.
    there : callable
        Tells of pairs of a recursion and a turn whether there is one; turns have no gaps.

    Returns
    -------
    dict of int to int
        The number of the last turn, by recursion.
    """
    low, high = dict.fromkeys(begun, 0), dict.fromkeys(begun, 1)
    growing = list(begun)
    while growing:
        answers = there([(index, high[index]) for index in growing])
        growing = [index for index, yes in zip(growing, answers, strict=True) if yes]
        for index in growing:
            low[index], high[index] = high[index], 2 * high[index]
    while narrowing := [index for index in begun if high[index] - low[index] > 1]:
        middle = {index: (low[index] + high[index]) // 2 for index in narrowing}
        for index, yes in zip(narrowing, there(list(middle.items())), strict=True):
            (low if yes else high)[index] = middle[index]
    return low
